#include "linkemu/settings.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <charconv>
#include <utility>

namespace airbridge::linkemu {
namespace {

auto fail(std::string what) { return failure(TextFault(std::move(what))); }

// "4610" is that port of loopback.
Result<net::Endpoint, TextFault> parse_endpoint(std::string_view text) {
  const bool digits =
      !text.empty() && std::all_of(text.begin(), text.end(), [](char c) { return c >= '0' && c <= '9'; });
  const auto full = digits ? fmt::format("127.0.0.1:{}", text) : std::string(text);
  auto endpoint = net::Endpoint::parse(full, 0);
  if (!endpoint) return fail(endpoint.error().what);
  return *endpoint;
}

}  // namespace

Result<StationSpec, TextFault> parse_station(std::string_view text) {
  using Kind = StationSpec::Kind;
  constexpr std::pair<std::string_view, Kind> kinds[] = {
      {"udp", Kind::Udp}, {"tnc", Kind::Tnc}, {"tty", Kind::Tty}, {"raw", Kind::Raw}, {"tcp", Kind::Tcp}};
  const auto colon = std::min(text.find(':'), text.size());
  const auto* const kind = std::find_if(std::begin(kinds), std::end(kinds),
                                        [&](const auto& one) { return one.first == text.substr(0, colon); });
  if (kind == std::end(kinds) || colon + 1 >= text.size())
    return fail(fmt::format("'{}' is no station; write udp:PORT, tnc:PORT, tty:PATH, raw:PATH or tcp:PORT,to=HOST:PORT",
                            text.substr(0, 200)));
  StationSpec out;
  out.kind = kind->second;
  auto rest = text.substr(colon + 1);
  if (out.kind == Kind::Tty || out.kind == Kind::Raw) {
    out.path = rest;
    return out;
  }
  const auto comma = std::min(rest.find(','), rest.size());
  const auto options = rest.substr(std::min(comma + 1, rest.size()));
  rest = rest.substr(0, comma);
  auto at = parse_endpoint(rest);
  if (!at) return failure(at.error());
  out.at = *std::move(at);
  if (!options.empty()) {
    constexpr std::string_view key = "to=";
    if (!options.starts_with(key) || out.kind == Kind::Tnc)
      return fail(fmt::format("'{}' of station '{}' is not known", options.substr(0, 100), text.substr(0, 200)));
    auto to = parse_endpoint(options.substr(key.size()));
    if (!to) return failure(to.error());
    out.to = *std::move(to);
  }
  if (out.kind == Kind::Tcp && !out.to)
    return fail(fmt::format("'{}' must say where to: tcp:PORT,to=HOST:PORT", text.substr(0, 200)));
  return out;
}

Result<std::vector<Outage>, TextFault> parse_outages(std::string_view text) {
  std::vector<Outage> out;
  while (!text.empty()) {
    const auto comma = std::min(text.find(','), text.size());
    const auto one = text.substr(0, comma);
    text = text.substr(std::min(comma + 1, text.size()));
    const auto dash = one.find('-');
    if (dash == one.npos)
      return fail(fmt::format("'{}' is no outage; write FROM-TO such as 30s-45s", one.substr(0, 100)));
    const auto from = parse_span(one.substr(0, dash));
    const auto to = parse_span(one.substr(dash + 1));
    if (!from) return failure(from.error());
    if (!to) return failure(to.error());
    if (*to <= *from) return fail(fmt::format("the outage '{}' ends before it begins", one.substr(0, 100)));
    if (out.size() >= outages_max) return fail(fmt::format("more than {} outages", outages_max));
    out.push_back({*from, *to});
  }
  return out;
}

Result<BurstLoss, TextFault> parse_burst_loss(std::string_view text) {
  const auto colon = text.find(':');
  const auto share = parse_share(text.substr(0, std::min(colon, text.size())));
  if (!share) return failure(share.error());
  BurstLoss out;
  out.share = *share;
  if (colon == text.npos) return out;
  const auto length = text.substr(colon + 1);
  const auto [stop, error] = std::from_chars(length.data(), length.data() + length.size(), out.length);
  if (error != std::errc{} || stop != length.data() + length.size() || !(out.length >= 1 && out.length <= 1'000))
    return fail(fmt::format("the mean length of a burst must be 1..1000 packets, is \"{}\"", length.substr(0, 100)));
  return out;
}

Result<void, TextFault> check_stations(const std::vector<StationSpec>& stations) {
  const auto proxies = std::count_if(stations.begin(), stations.end(),
                                     [](const auto& one) { return one.kind == StationSpec::Kind::Tcp; });
  if (proxies == 1 && stations.size() == 1) return {};
  if (proxies > 0) return fail("a tcp proxy is both ends of a link: it stands alone");
  if (stations.size() < 2) return fail("a link needs two stations at least, or one tcp proxy");
  if (stations.size() > stations_max) return fail(fmt::format("more than {} stations", stations_max));
  return {};
}

}  // namespace airbridge::linkemu
