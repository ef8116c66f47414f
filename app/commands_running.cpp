// status, diagnose: how a node is.
#include <sys/utsname.h>

#include <filesystem>

#include "cli_support.hpp"
#include "config.hpp"
#include "home.hpp"
#include "version.hpp"
#include "with_node.hpp"

namespace airbridge::app {
namespace {

namespace json = boost::json;

std::string since(std::int64_t ms) {
  if (ms == 0) return "never";
  return age_words(ms_of(SystemClock().now().utc) - ms) + " ago";
}

std::string clock_words(std::string_view quality) {
  if (quality == "gnss") return "set by satellites (gnss)";
  if (quality == "ntp") return "kept by a time service (ntp)";
  if (quality == "rtc") return "this machine's own, kept by nothing better (rtc)";
  return "unknown";
}

// Why the input was refused or not carried: " [too fast: 3, fires: 1]"; empty when nothing was.
std::string reason_words(const json::object& feed) {
  const auto* reasons = feed.if_contains("reasons");
  if (reasons == nullptr || !reasons->is_object() || reasons->get_object().empty()) return {};
  std::string out;
  for (const auto& reason : reasons->get_object())
    out += fmt::format("{}{}: {}", out.empty() ? "" : ", ", printable(reason.key()), json::serialize(reason.value()));
  return fmt::format(" [{}]", out);
}

void print_status(const json::object& status, const std::string& address) {
  const auto& node = status.at("node").as_object();
  const auto& incident = status.at("incident").as_object();
  const auto& store = status.at("store").as_object();
  const auto damaged = number_at(store, "damaged");
  fmt::print("{} ({}) at http://{}/{}\n", text_at(node, "name"), text_at(node, "profile"), address,
             flag_at(status, "insecure_lab") ? "  INSECURE LAB" : "");
  fmt::print("incident   {}{}\n", text_at(incident, "name"), flag_at(incident, "exercise") ? "  EXERCISE" : "");
  fmt::print("log        {} events, {} MiB free{}{}\n", number_at(store, "events"),
             number_at(store, "disk_free_bytes") >> 20,
             damaged == 0   ? std::string()
             : damaged == 1 ? std::string(", 1 damaged stretch")
                            : fmt::format(", {} damaged stretches", damaged),
             flag_at(store, "refusing_writes") ? ", REFUSING WRITES: " + text_at(store, "why") : "");
  fmt::print("state      {}\n", text_at(store, "state_hash").substr(0, 16));
  fmt::print("clock      {}\n", clock_words(text_at(status, "clock")));
  fmt::print("unshared   {} own events no other node is known to hold\n", number_at(status, "unshared"));
  for (const auto& item : list_at(status, "peers")) {
    const auto& peer = item.as_object();
    if (number_at(peer, "last_heard_ms") == 0 && text_at(peer, "state") != "connected") {
      fmt::print("peer       {:<14} {:<10} {}  never heard{}\n", text_at(peer, "name", "(not met yet)"),
                 text_at(peer, "state"), text_at(peer, "address"),
                 text_at(peer, "why").empty() ? "" : "  (" + text_at(peer, "why") + ")");
      continue;
    }
    fmt::print("peer       {:<14} {:<10} {}  heard {}, {}; lacks here {}, there {}; {} B out, {} B in{}\n",
               text_at(peer, "name", "(not met yet)"), text_at(peer, "state"), text_at(peer, "address"),
               since(number_at(peer, "last_heard_ms")), text_at(peer, "level"), number_at(peer, "lacks_here"),
               number_at(peer, "lacks_there"), number_at(peer, "bytes_sent"), number_at(peer, "bytes_received"),
               text_at(peer, "why").empty() ? "" : "  (" + text_at(peer, "why") + ")");
  }
  for (const auto& item : list_at(status, "feeds")) {
    const auto& feed = item.as_object();
    fmt::print(
        "feed       {:<14} {:<10} {}  {} received{}{}{}{}{}\n", text_at(feed, "name"), text_at(feed, "state"),
        text_at(feed, "address"), number_at(feed, "received"),
        number_at(feed, "clients") > 0 ? fmt::format(", {} clients", number_at(feed, "clients")) : "",
        number_at(feed, "refused") > 0 ? fmt::format(", {} refused", number_at(feed, "refused")) : "",
        number_at(feed, "not_carried") > 0 ? fmt::format(", not carried: {}", number_at(feed, "not_carried")) : "",
        reason_words(feed), text_at(feed, "why").empty() ? "" : "  (" + text_at(feed, "why") + ")");
  }
  for (const auto& problem : list_at(status, "problems")) fmt::print("PROBLEM    {}\n", printable(problem.as_string()));
}

}  // namespace

int run_status(const Common& common, bool as_json) {
  const auto address = running_address(common);
  if (address.empty() && !std::filesystem::exists(std::filesystem::path(common.dir) / "active"))
    return complain("{}", no_node_in(common.dir));
  if (address.empty())
    return complain("no node runs in {}; start it with: airbridge node --dir {}", common.dir, common.dir);
  const auto status = call_node(address, "GET", "/api/v1/status");
  if (!status) return complain("{}", status.error());
  if (as_json) {
    fmt::print("{}\n", json::serialize(*status));
  } else {
    print_status(status->as_object(), address);
  }
  return 0;
}

int run_diagnose(const Common& common, const std::string& out) {
  if (common.url.empty() && !std::filesystem::exists(std::filesystem::path(common.dir) / "active"))
    return complain("{}", no_node_in(common.dir));
  // What stays out on purpose: names, call signs, positions, texts, addresses, keys. Counts, versions, states stay in.
  std::string text = fmt::format("Airbridge diagnosis, {}\nversion {}\n", format_utc(SystemClock().now().utc), version);
  utsname system{};
  ::uname(&system);
  text += fmt::format("system {} {} {}\n", system.sysname, system.release, system.machine);
  std::error_code error;
  const auto space = std::filesystem::space(common.dir, error);
  if (!error) text += fmt::format("disk {} MiB free of {} MiB\n", space.available >> 20, space.capacity >> 20);
  const auto node = AskedNode::open(common);
  if (!node) {
    text += fmt::format("the node does not start: {}\n", node.error());
  } else {
    text += node->started_here() ? "the node was not running; it was started for this\n" : "the node is running\n";
    if (const auto metrics = http_call(node->address(), "GET", "/metrics")) {
      text += "\n== metrics\n";
      std::size_t from = 0;
      while (from < metrics->body.size()) {
        const auto end = std::min(metrics->body.find('\n', from), metrics->body.size());
        auto line = metrics->body.substr(from, end - from);
        from = end + 1;
        if (line.starts_with('#')) continue;
        // Labels hold addresses and key ids; what kind of thing it is stays.
        if (const auto brace = line.find('{'); brace != std::string::npos && !line.starts_with("airbridge_info"))
          line = line.substr(0, brace) + line.substr(line.rfind('}') + 1);
        text += line + "\n";
      }
    }
    if (const auto status = call_node(node->address(), "GET", "/api/v1/status")) {
      const auto& object = status->as_object();
      const auto& store = object.at("store").as_object();
      text += fmt::format("\n== store\nevents {}\ndurable to {}\nstate {}\ndamaged stretches {}\nrefusing writes {}\n",
                          number_at(store, "events"), number_at(store, "durable_to"), text_at(store, "state_hash"),
                          number_at(store, "damaged"), flag_at(store, "refusing_writes"));
      text += "\n== peers\n";
      for (const auto& item : list_at(object, "peers")) {
        const auto& peer = item.as_object();
        text += fmt::format("{} {} heard {}, lacks here {}, there {}\n", text_at(peer, "state"), text_at(peer, "level"),
                            since(number_at(peer, "last_heard_ms")), number_at(peer, "lacks_here"),
                            number_at(peer, "lacks_there"));
      }
      text += "\n== feeds\n";
      for (const auto& item : list_at(object, "feeds")) {
        const auto& feed = item.as_object();
        text += fmt::format("{} {} received {} refused {} not carried {}, last {}\n", text_at(feed, "name"),
                            text_at(feed, "state"), number_at(feed, "received"), number_at(feed, "refused"),
                            number_at(feed, "not_carried"), since(number_at(feed, "last_ms")));
      }
    }
    if (const auto log = call_node(node->address(), "GET", "/api/v1/diagnostics-log")) {
      text += "\n== log (messages without their values)\n";
      if (node->started_here())
        text +=
            "the node was not running, so these are only of its start now; what it said before is where its standard "
            "error goes (under systemd: journalctl -u airbridge)\n";
      for (const auto& line : list_at(log->as_object(), "lines")) text += std::string(line.as_string()) + "\n";
    }
  }
  if (out.empty()) {
    fmt::print("{}", text);
    return 0;
  }
  if (const auto written = write_file(out, text, 0600); !written) return complain("{}", written.error().text);
  fmt::print("Written to {}. Read it before you send it; it holds counts and states, no names, texts or positions.\n",
             out);
  return 0;
}

}  // namespace airbridge::app
