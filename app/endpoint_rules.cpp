#include "endpoint_rules.hpp"

#include <fmt/format.h>

namespace airbridge::app {
namespace {

constexpr std::string_view way_out = "on a network you trust, start with --insecure-lab (the page then says so in red)";

Result<net::Endpoint, std::string> parse(std::string_view option, const std::string& text, std::uint16_t default_port) {
  auto endpoint = net::Endpoint::parse(text, default_port);
  if (!endpoint) return failure(fmt::format("{}: {}", option, endpoint.error().what));
  return *endpoint;
}

}  // namespace

Result<net::Endpoint, std::string> listen_endpoint(std::string_view option, const std::string& text,
                                                   std::uint16_t default_port, bool insecure_lab) {
  const auto at = parse(option, text, default_port);
  if (!at || at->is_loopback() || insecure_lab) return at;
  return failure(
      fmt::format("{} = \"{}\" leaves this machine, and nothing authenticates users or encrypts TCP yet. Listen on "
                  "127.0.0.1, or, {}",
                  option, text, way_out));
}

Result<net::Endpoint, std::string> peer_endpoint(std::string_view option, const std::string& text,
                                                 std::uint16_t default_port, bool insecure_lab) {
  const auto to = parse(option, text, default_port);
  if (!to || to->is_loopback() || insecure_lab) return to;
  return failure(fmt::format(
      "{}: the link to {} leaves this machine, and TCP links between nodes are not encrypted yet: whoever is "
      "on the way could read what is sent. O{}",
      option, to->text(), way_out.substr(1)));
}

}  // namespace airbridge::app
