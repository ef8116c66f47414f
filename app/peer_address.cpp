#include "peer_address.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <charconv>

#include "endpoint_rules.hpp"
#include "meter.hpp"

namespace airbridge::app {
namespace {

constexpr std::size_t bearer_name_max = 24;

bool is_name(std::string_view text) {
  return !text.empty() && text.size() <= bearer_name_max && std::ranges::all_of(text, [](char c) {
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '-' || c == '_';
  });
}

std::optional<std::uint32_t> number(std::string_view text, std::uint32_t max) {
  std::uint32_t out = 0;
  const auto [end, fault] = std::from_chars(text.data(), text.data() + text.size(), out);
  if (fault != std::errc{} || end != text.data() + text.size() || out > max) return std::nullopt;
  return out;
}

std::string take_option(PeerAddress& address, std::string_view key, std::string_view value) {
  if (key == "cost") {
    const auto cost = number(value, peer_cost_max);
    if (!cost) return fmt::format("cost is a whole number from 0 (costs nothing) to {}", peer_cost_max);
    address.cost = *cost;
  } else if (key == "budget") {
    const auto budget = parse_budget(value);
    if (!budget) return budget.error();
    address.budget_bytes_per_day = *budget;
  } else if (key == "heartbeat") {
    const auto seconds = value.ends_with('s') ? number(value.substr(0, value.size() - 1), 3600) : std::nullopt;
    if (!seconds || *seconds == 0) return "heartbeat is written like 60s, at most 3600s";
    address.heartbeat = Milliseconds(*seconds * 1000LL);
  } else {
    return fmt::format("\"{}\" is not known; there are cost, budget and heartbeat", key);
  }
  return {};
}

}  // namespace

Result<PeerAddress, std::string> peer_address(std::string_view option, const std::string& text,
                                              std::uint16_t default_port, bool insecure_lab) {
  PeerAddress out;
  std::string_view rest = text;
  const auto question = rest.find('?');
  auto options = question == std::string_view::npos ? std::string_view{} : rest.substr(question + 1);
  rest = rest.substr(0, question);
  if (const auto equals = rest.find('='); equals != std::string_view::npos) {
    if (!is_name(rest.substr(0, equals)))
      return failure(fmt::format("{} = \"{}\": before the = stands a name of letters, digits, - and _, at most {} long",
                                 option, text, bearer_name_max));
    out.bearer = rest.substr(0, equals);
    rest = rest.substr(equals + 1);
  }
  while (!options.empty()) {
    const auto end = std::min(options.find('&'), options.size());
    const auto item = options.substr(0, end);
    options = options.substr(std::min(end + 1, options.size()));
    const auto equals = item.find('=');
    const auto wrong = take_option(out, item.substr(0, equals),
                                   equals == std::string_view::npos ? std::string_view{} : item.substr(equals + 1));
    if (!wrong.empty()) return failure(fmt::format("{} = \"{}\": {}", option, text, wrong));
  }
  if (out.bearer.empty() && (out.cost > 0 || out.budget_bytes_per_day))
    return failure(fmt::format("{} = \"{}\": a way that costs or has a budget has a name, like lte=host:port?cost=3",
                               option, text));
  auto to = peer_endpoint(option, std::string(rest), default_port, insecure_lab);
  if (!to) return failure(to.error());
  out.to = *to;
  return out;
}

}  // namespace airbridge::app
