// conflicts, resolve: what people must settle, and settling it.
#include <algorithm>
#include <random>

#include "base/bytes.hpp"
#include "cli_support.hpp"
#include "with_node.hpp"

namespace airbridge::app {
namespace {

namespace json = boost::json;
constexpr std::size_t value_width_max = 60;

std::string words_of(const json::object& choice) {
  auto text = text_at(choice, "text");
  if (text.empty()) {
    const auto& value = choice.at("value");
    text = value.is_string() ? printable(value.get_string()) : value.is_null() ? "(cleared)" : json::serialize(value);
  }
  return text.size() > value_width_max ? text.substr(0, value_width_max - 3) + "..." : text;
}

std::string who_of(const json::object& choice) {
  const auto* stamp = choice.if_contains("stamp");
  if (stamp == nullptr || !stamp->is_object()) return {};
  const auto& object = stamp->get_object();
  const auto actor = text_at(object, "actor");
  return fmt::format("{}{} at {} (clock: {}{}) via {}{}", text_at(object, "node"), actor.empty() ? "" : "/" + actor,
                     format_utc(utc_from_ms(number_at(object, "at_ms"))), text_at(object, "quality"),
                     flag_at(object, "doubtful") ? ", doubtful" : "", text_at(object, "via"),
                     text_at(object, "source").empty() ? "" : " " + text_at(object, "source"));
}

void print_conflict(const json::object& conflict) {
  static constexpr std::string_view classes[] = {"URGENT", "important", "routine"};
  const auto cls = static_cast<std::size_t>(number_at(conflict, "class"));
  const auto about = text_at(conflict, "about");
  fmt::print("{}  {}  {}\n", cls < std::size(classes) ? classes[cls] : "?",
             about.empty() ? text_at(conflict, "title") : about,
             about.empty() ? text_at(conflict, "field") : text_at(conflict, "kind"));
  fmt::print("    why: {}\n", text_at(conflict, "why"));
  std::size_t number = 0;
  for (const auto& item : list_at(conflict, "choices")) {
    const auto& choice = item.as_object();
    const auto who = who_of(choice);
    fmt::print("  {} {}{}{}\n", ++number, words_of(choice), who.empty() ? "" : "  - " + who,
               about.empty() && list_at(choice, "settle").empty() ? "  [cannot be chosen here]" : "");
  }
  if (about.empty())
    fmt::print("    airbridge resolve {} {} N\n", text_at(conflict, "display"), text_at(conflict, "field"));
}

std::string new_id() {
  std::random_device device;  // the system's generator: a command is told from another by it
  Bytes bytes(16);
  for (auto& byte : bytes) byte = static_cast<std::uint8_t>(device());
  return to_hex(bytes);
}

bool is_of(const json::object& conflict, const ResolveOptions& options) {
  const auto same = [](std::string_view a, std::string_view b) {
    return std::equal(a.begin(), a.end(), b.begin(), b.end(), [](char x, char y) {
      return std::toupper(static_cast<unsigned char>(x)) == std::toupper(static_cast<unsigned char>(y));
    });
  };
  return text_at(conflict, "about").empty() && text_at(conflict, "field") == options.field &&
         (same(text_at(conflict, "display"), options.entity) || text_at(conflict, "entity") == options.entity);
}

// By its number in the list, or by its value as it was printed, stored or displayed.
const json::object* chosen_of(const json::object& conflict, const std::string& wanted) {
  std::size_t number = 0;
  for (const auto& item : list_at(conflict, "choices")) {
    const auto& choice = item.as_object();
    const auto* value = choice.if_contains("value");
    const bool by_value = value != nullptr && (value->is_string() ? value->get_string() == std::string_view(wanted)
                                                                  : json::serialize(*value) == wanted);
    const bool by_task = text_at(conflict, "kind") == "clash" && text_at(choice, "display") == wanted;
    if (std::to_string(++number) == wanted || by_value || by_task || text_at(choice, "text") == wanted) return &choice;
  }
  return nullptr;
}

}  // namespace

int run_conflicts(const Common& common, bool as_json) {
  const auto node = AskedNode::open(common);
  if (!node) return complain("{}", node.error());
  const auto answer = call_node(node->address(), "GET", "/api/v1/conflicts");
  if (!answer) return complain("{}", answer.error());
  if (as_json) {
    fmt::print("{}\n", json::serialize(*answer));
    return 0;
  }
  const auto& object = answer->as_object();
  const auto& list = list_at(object, "conflicts");
  if (list.empty()) fmt::print("nothing to settle\n");
  for (const auto& conflict : list) print_conflict(conflict.as_object());
  if (const auto count = static_cast<std::size_t>(number_at(object, "count")); count > list.size())
    fmt::print("and {} more\n", count - list.size());
  return 0;
}

int run_resolve(const Common& common, const ResolveOptions& options) {
  const auto node = AskedNode::open(common);
  if (!node) return complain("{}", node.error());
  const auto answer = call_node(node->address(), "GET", "/api/v1/conflicts");
  if (!answer) return complain("{}", answer.error());
  const auto& list = list_at(answer->as_object(), "conflicts");
  const auto found =
      std::find_if(list.begin(), list.end(), [&](const json::value& item) { return is_of(item.as_object(), options); });
  if (found == list.end())
    return complain("{} has no conflict about '{}'; airbridge conflicts lists them", options.entity, options.field);
  const auto& conflict = found->as_object();
  const auto* choice = chosen_of(conflict, options.value);
  if (choice == nullptr) {
    print_conflict(conflict);
    return complain("'{}' is none of these", options.value);
  }
  const auto& settle = list_at(*choice, "settle");
  if (settle.empty()) return complain("this value cannot be chosen with this version; choose another");
  for (const auto& item : settle) {
    auto command = item.as_object();
    command["id"] = new_id();
    const auto done = call_node(node->address(), "POST", "/api/v1/commands", json::serialize(command));
    if (!done) return complain("{}", done.error());
  }
  fmt::print("{} {}: {}\n", text_at(conflict, "title"), text_at(conflict, "field"), words_of(*choice));
  return 0;
}

}  // namespace airbridge::app
