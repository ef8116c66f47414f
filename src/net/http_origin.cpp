#include "net/http_origin.hpp"

#include <boost/asio/ip/address.hpp>

namespace airbridge::net {

namespace {

struct Authority {
  std::string host;  // lower case, IPv6 without brackets
  std::uint16_t port = 0;
};

std::optional<Authority> parse_authority(std::string_view text, std::uint16_t default_port) {
  const auto endpoint = Endpoint::parse(text, default_port);
  if (!endpoint) return std::nullopt;
  Authority out{endpoint->host, endpoint->port};
  for (char& c : out.host) {
    if (c >= 'A' && c <= 'Z') c = static_cast<char>(c - 'A' + 'a');
  }
  return out;
}

bool is_address(const std::string& host) {
  boost::system::error_code error;
  boost::asio::ip::make_address(host, error);
  return !error;
}

}  // namespace

bool origin_allowed(const HttpRequest& request, bool insecure_lab, std::string_view bound_name) {
  const auto host = parse_authority(request.header("Host"), 80);
  if (!host) return false;
  const bool known = is_address(host->host) || host->host == "localhost" ||
                     (!bound_name.empty() && equals_ignoring_case(host->host, bound_name));
  if (!known && !insecure_lab) return false;

  const auto origin = request.header("Origin");
  if (origin.empty()) return true;
  std::optional<Authority> from;
  if (origin.starts_with("http://")) from = parse_authority(origin.substr(7), 80);
  if (origin.starts_with("https://")) from = parse_authority(origin.substr(8), 443);
  if (!from) return false;  // also "null": a sandboxed frame or a file
  if (from->host == host->host && from->port == host->port) return true;
  return Endpoint{host->host, 0}.is_loopback() && Endpoint{from->host, 0}.is_loopback();
}

const std::vector<HttpHeader>& security_headers() {
  static const std::vector<HttpHeader> headers{
      {"Content-Security-Policy",
       "default-src 'self'; img-src 'self' data: blob:; worker-src 'self' blob:; style-src 'self' 'unsafe-inline'; "
       "connect-src 'self'; frame-ancestors 'none'; base-uri 'none'; form-action 'self'; object-src 'none'"},
      {"X-Content-Type-Options", "nosniff"},
      {"Referrer-Policy", "no-referrer"},
      {"Cross-Origin-Resource-Policy", "same-origin"},
  };
  return headers;
}

}  // namespace airbridge::net
