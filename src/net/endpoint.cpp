#include <fmt/format.h>

#include <boost/asio/ip/address.hpp>
#include <charconv>

#include "net/connection.hpp"

namespace airbridge::net {

bool Endpoint::is_loopback() const {
  if (host == "localhost") return true;
  boost::system::error_code error;
  const auto address = boost::asio::ip::make_address(host, error);
  return !error && address.is_loopback();
}

std::string Endpoint::text() const {
  return host.find(':') == host.npos ? fmt::format("{}:{}", host, port) : fmt::format("[{}]:{}", host, port);
}

// "host", "host:port", "1.2.3.4:5", "[::1]:5", "::1", ":port" is refused: an endpoint says where.
Result<Endpoint, NetError> Endpoint::parse(std::string_view text, std::uint16_t default_port) {
  const auto fail = [&](std::string_view why) {
    return failure(NetError{fmt::format("'{}' is not HOST:PORT: {}", text.substr(0, 300), why)});
  };
  std::string_view host = text;
  std::string_view port;
  bool has_port = false;
  if (!text.empty() && text.front() == '[') {
    const auto end = text.find(']');
    if (end == text.npos) return fail("']' is missing");
    host = text.substr(1, end - 1);
    const auto rest = text.substr(end + 1);
    if (!rest.empty() && rest.front() != ':') return fail("':' must follow ']'");
    has_port = !rest.empty();
    if (has_port) port = rest.substr(1);
  } else if (const auto colon = text.find(':'); colon != text.npos && text.find(':', colon + 1) == text.npos) {
    host = text.substr(0, colon);
    port = text.substr(colon + 1);
    has_port = true;
  }
  if (host.empty()) return fail("the host is missing");
  if (host.size() > 253) return fail("the host is longer than 253 characters");
  for (const char c : host) {
    const bool fine = (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '.' ||
                      c == '-' || c == '_' || c == ':' || c == '%';
    if (!fine) return fail("the host holds a character that no host name or address has");
  }
  if (host.find(':') != host.npos) {
    boost::system::error_code error;
    boost::asio::ip::make_address_v6(std::string(host), error);
    if (error) return fail("it is neither a name nor an IPv6 address");
  }
  Endpoint out{std::string(host), default_port};
  if (has_port) {
    const auto* const end = port.data() + port.size();
    const auto [stop, error] = std::from_chars(port.data(), end, out.port);
    if (error != std::errc{} || stop != end || port.empty()) return fail("the port is not a number in 0..65535");
  }
  return out;
}

}  // namespace airbridge::net
