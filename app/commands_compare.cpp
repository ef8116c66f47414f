// compare: what is stored here with itself and with other nodes.
#include <chrono>
#include <thread>

#include "cli_support.hpp"

namespace airbridge::app {
namespace {

namespace json = boost::json;
constexpr std::chrono::milliseconds asked_every{200};
constexpr auto wait_max = std::chrono::seconds(60);  // narrow links answer late; what did not come by then is said

// True when there is none.
bool print_differences(const json::object& of) {
  static constexpr std::string_view classes[] = {"urgent", "important", "routine"};
  for (const auto& item : list_at(of, "differences")) {
    const auto& one = item.as_object();
    const auto cls = static_cast<std::size_t>(number_at(one, "class"));
    fmt::print("DIFFERS    {} events of {} from number {} on: {}; {}\n           stream {}\n",
               cls < std::size(classes) ? classes[cls] : "?", text_at(one, "author"), number_at(one, "from"),
               text_at(one, "what"), text_at(one, "remedy"), text_at(one, "stream"));
  }
  if (const auto more = number_at(of, "more"); more > 0) fmt::print("           and {} more\n", more);
  return list_at(of, "differences").empty();
}

}  // namespace

int run_compare(const Common& common, const std::string& peer) {
  const auto address = running_address(common);
  if (address.empty()) return complain("no node runs in {}; comparing needs one that hears others", common.dir);
  auto answer = call_node(address, "POST", "/api/v1/comparisons", json::serialize(json::object{{"peer", peer}}));
  const auto until = std::chrono::steady_clock::now() + wait_max;
  while (answer && !flag_at(answer->as_object(), "done") && std::chrono::steady_clock::now() < until) {
    std::this_thread::sleep_for(asked_every);
    answer = call_node(address, "GET", "/api/v1/comparisons");
  }
  if (!answer) return complain("{}", answer.error());
  const auto& object = answer->as_object();
  const auto& own = object.at("own").as_object();
  bool alike = flag_at(own, "done");
  fmt::print("this node  {}: {} events of {} streams read again\n",
             !alike                                ? "NOT READ TO THE END"
             : list_at(own, "differences").empty() ? "whole"
                                                   : "DAMAGED",
             number_at(own, "events"), number_at(own, "streams"));
  alike = print_differences(own) && alike;
  // What the scrub found before is not among the streams any more, so reading them again cannot find it.
  if (const auto status = call_node(address, "GET", "/api/v1/status")) {
    if (const auto damaged = number_at(status->at("store").as_object(), "damaged"); damaged > 0) {
      fmt::print("DAMAGED    stretches of the log that cannot be read: {}; other nodes are asked for what was there\n",
                 damaged);
      alike = false;
    }
  }
  for (const auto& item : list_at(object, "nodes")) {
    const auto& node = item.as_object();
    const auto state = text_at(node, "state");
    fmt::print("{:<10} {}\n", text_at(node, "name"),
               state == "alike"     ? fmt::format("alike: {} streams compared", number_at(node, "streams"))
               : state == "differs" ? fmt::format("DIFFERS: {} streams compared", number_at(node, "streams"))
               : state == "failed"  ? "not compared: " + text_at(node, "why")
                                    : std::string("no answer yet; it may come later, the page shows it"));
    alike = print_differences(node) && state == "alike" && alike;
  }
  if (list_at(object, "nodes").empty()) fmt::print("no other node is in reach\n");
  return alike ? 0 : 1;
}

}  // namespace airbridge::app
