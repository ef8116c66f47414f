// status, diagnose: how a node is.
#include <sys/utsname.h>

#include <algorithm>
#include <filesystem>
#include <tuple>
#include <vector>

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
std::string reason_words(const json::object& from, std::string_view key = "reasons") {
  const auto* reasons = from.if_contains(key);
  if (reasons == nullptr || !reasons->is_object() || reasons->get_object().empty()) return {};
  std::string out;
  for (const auto& reason : reasons->get_object())
    out += fmt::format("{}{}: {}", out.empty() ? "" : ", ", printable(reason.key()), json::serialize(reason.value()));
  return fmt::format(" [{}]", out);
}

// Of a bearer: ", frames refused [heard before: 3]".
std::string refused_words(const json::object& bearer) {
  const auto reasons = reason_words(bearer, "refused");
  return reasons.empty() ? reasons : ", frames refused" + reasons;
}

std::string bytes_words(std::int64_t bytes) {
  if (bytes < 1'000) return fmt::format("{} B", bytes);
  if (bytes < 1'000'000) return fmt::format("{:.1f} kB", static_cast<double>(bytes) / 1e3);
  if (bytes < 1'000'000'000) return fmt::format("{:.1f} MB", static_cast<double>(bytes) / 1e6);
  return fmt::format("{:.1f} GB", static_cast<double>(bytes) / 1e9);
}

// "14 (2 urgent, 5 important)"; what is routine is the rest.
std::string count_words(const json::object& object, std::string_view total, std::string_view by_class) {
  auto out = fmt::format("{}", number_at(object, total));
  const auto* counts = object.if_contains(by_class);
  if (counts == nullptr || !counts->is_object()) return out;
  std::string parts;
  for (const auto* name : {"urgent", "important"}) {
    if (const auto count = number_at(counts->get_object(), name); count > 0)
      parts += fmt::format("{}{} {}", parts.empty() ? "" : ", ", count, name);
  }
  return parts.empty() ? out : fmt::format("{} ({})", out, parts);
}

std::string why_words(const json::object& object) {
  const auto why = text_at(object, "why");
  return why.empty() ? why : "  (" + why + ")";
}

std::string level_words(const json::object& peer) {
  const auto level = text_at(peer, "level");
  if (text_at(peer, "state") != "connected") return {};
  if (level == "equal") return ", level";
  if (const auto* ms = peer.if_contains("to_level_ms"); ms != nullptr && ms->is_number())
    return fmt::format(", level in about {}", age_words(number_at(peer, "to_level_ms")));
  return level == "unknown" ? ", not compared yet" : ", level: time unknown";
}

std::string rate_words(double bps) {
  if (bps < 1e3) return fmt::format("{:.0f} bit/s", bps);
  if (bps < 1e6) return fmt::format("{:.1f} kbit/s", bps / 1e3);
  return fmt::format("{:.1f} Mbit/s", bps / 1e6);
}

// Of what a link does not measure nothing is said.
std::string measured_words(const json::object& link) {
  std::string out;
  const auto add = [&](std::string_view key, std::string_view words, auto show) {
    if (const auto* value = link.if_contains(key); value != nullptr && value->is_number())
      out += fmt::format(", {} {}", words, show(value->to_number<double>()));
  };
  const auto whole = [](double value) { return fmt::format("{:.0f}", value); };
  const auto percent = [](double value) { return fmt::format("{:.0f} %", value); };
  add("round_trip_ms", "answers in",
      [](double ms) { return ms < 1'000 ? fmt::format("{:.0f} ms", ms) : fmt::format("{:.1f} s", ms / 1'000); });
  add("occupancy_percent", "channel busy", percent);
  add("in_use_bps", "in use", rate_words);
  add("position_interval_ms", "positions every", [](double ms) { return fmt::format("{:.0f} s", ms / 1'000); });
  add("loss_percent", "lost", percent);
  add("retransmissions", "sent again", whole);
  add("budget_left_bytes", "budget left", [](double bytes) { return bytes_words(static_cast<std::int64_t>(bytes)); });
  return out;
}

void print_link(const json::object& link) {
  const auto profile = text_at(link, "profile");
  fmt::print("           {:<14} {:<10} {:<10} heard {}; {}out {}, in {}{}{}\n", text_at(link, "bearer"),
             text_at(link, "kind"), text_at(link, "state"), since(number_at(link, "last_heard_ms")),
             profile.empty() ? profile : profile + "; ", bytes_words(number_at(link, "bytes_sent")),
             bytes_words(number_at(link, "bytes_received")), measured_words(link), why_words(link));
}

// What needs help first: lost, then connecting, then who lacks most.
std::vector<const json::object*> worst_first(const json::array& peers) {
  std::vector<const json::object*> out;
  for (const auto& item : peers) out.push_back(&item.as_object());
  const auto rank = [](const json::object& peer) {
    const auto state = text_at(peer, "state");
    const auto lacks = number_at(peer, "lacks_here") + number_at(peer, "lacks_there");
    return std::tuple(state == "lost" ? 0 : state == "connecting" ? 1 : 2, -lacks, text_at(peer, "name"));
  };
  std::sort(out.begin(), out.end(), [&](const auto* a, const auto* b) { return rank(*a) < rank(*b); });
  return out;
}

void print_peers(const json::object& status) {
  for (const auto* peer : worst_first(list_at(status, "peers"))) {
    const bool met = number_at(*peer, "last_heard_ms") != 0 || text_at(*peer, "state") == "connected";
    fmt::print("peer       {:<14} {:<10} {}  {}", text_at(*peer, "name", "(not met yet)"), text_at(*peer, "state"),
               text_at(*peer, "address"),
               met ? "heard " + since(number_at(*peer, "last_heard_ms")) : std::string("never heard"));
    if (met)
      fmt::print("{}; lacks here {}, there {}; {} out, {} in", level_words(*peer),
                 count_words(*peer, "lacks_here", "lacks_here_by_class"),
                 count_words(*peer, "lacks_there", "lacks_there_by_class"), bytes_words(number_at(*peer, "bytes_sent")),
                 bytes_words(number_at(*peer, "bytes_received")));
    fmt::print("{}\n", why_words(*peer));
    for (const auto& link : list_at(*peer, "links")) print_link(link.as_object());
  }
  for (const auto& item : list_at(status, "bearers")) {
    const auto& bearer = item.as_object();
    fmt::print("bearer     {:<14} {:<10} {:<10} {}; out {}, in {}{}{}\n", text_at(bearer, "name"),
               text_at(bearer, "kind"), text_at(bearer, "state"), text_at(bearer, "profile"),
               bytes_words(number_at(bearer, "bytes_sent")), bytes_words(number_at(bearer, "bytes_received")),
               measured_words(bearer), refused_words(bearer) + why_words(bearer));
  }
}

void print_store(const json::object& store) {
  const auto damaged = number_at(store, "damaged");
  fmt::print("log        {} events, {} MiB free{}{}\n", number_at(store, "events"),
             number_at(store, "disk_free_bytes") >> 20,
             damaged == 0   ? std::string()
             : damaged == 1 ? std::string(", 1 damaged stretch")
                            : fmt::format(", {} damaged stretches", damaged),
             flag_at(store, "refusing_writes") ? ", REFUSING WRITES: " + text_at(store, "why") : "");
  fmt::print("state      {}\n", text_at(store, "state_hash").substr(0, 16));
}

void print_feeds(const json::object& status) {
  for (const auto& item : list_at(status, "feeds")) {
    const auto& feed = item.as_object();
    fmt::print(
        "feed       {:<14} {:<10} {}  {} received{}{}{}{}{}\n", text_at(feed, "name"), text_at(feed, "state"),
        text_at(feed, "address"), number_at(feed, "received"),
        number_at(feed, "clients") > 0 ? fmt::format(", {} clients", number_at(feed, "clients")) : "",
        number_at(feed, "refused") > 0 ? fmt::format(", {} refused", number_at(feed, "refused")) : "",
        number_at(feed, "not_carried") > 0 ? fmt::format(", not carried: {}", number_at(feed, "not_carried")) : "",
        reason_words(feed), why_words(feed));
  }
}

void print_status(const json::object& status, const std::string& address) {
  const auto& node = status.at("node").as_object();
  const auto& incident = status.at("incident").as_object();
  fmt::print("{} ({}) at http://{}/{}\n", text_at(node, "name"), text_at(node, "profile"), address,
             flag_at(status, "insecure_lab") ? "  INSECURE LAB" : "");
  for (const auto& problem : list_at(status, "problems")) fmt::print("PROBLEM    {}\n", printable(problem.as_string()));
  if (const auto conflicts = number_at(status, "conflicts"); conflicts > 0) {
    const auto urgent = number_at(status, "conflicts_urgent");
    fmt::print("conflicts  {} to settle{}: airbridge conflicts\n", conflicts,
               urgent > 0 ? fmt::format(", {} URGENT", urgent) : "");
  }
  fmt::print("incident   {}{}\n", text_at(incident, "name"), flag_at(incident, "exercise") ? "  EXERCISE" : "");
  print_store(status.at("store").as_object());
  fmt::print("clock      {}\n", clock_words(text_at(status, "clock")));
  fmt::print("unshared   {} own events no other node is known to hold\n",
             count_words(status, "unshared", "unshared_by_class"));
  print_peers(status);
  print_feeds(status);
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
