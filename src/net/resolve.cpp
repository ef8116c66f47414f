#include "net/resolve.hpp"

namespace airbridge::net {

using boost::asio::ip::tcp;
using boost::system::error_code;

std::optional<std::vector<tcp::endpoint>> resolve_literal(const Endpoint& at) {
  if (at.host == "localhost") {
    return std::vector<tcp::endpoint>{{boost::asio::ip::address_v4::loopback(), at.port},
                                      {boost::asio::ip::address_v6::loopback(), at.port}};
  }
  error_code error;
  const auto address = boost::asio::ip::make_address(at.host, error);
  if (error) return std::nullopt;
  return std::vector<tcp::endpoint>{{address, at.port}};
}

Result<std::vector<tcp::endpoint>, NetError> resolve_now(boost::asio::io_context& io, const Endpoint& at) {
  if (auto literal = resolve_literal(at)) return *std::move(literal);
  tcp::resolver resolver(io);
  error_code error;
  const auto found = resolver.resolve(at.host, std::to_string(at.port), error);
  if (error) return failure(NetError{"the name '" + at.host + "' is not known: " + error.message()});
  std::vector<tcp::endpoint> out;
  for (const auto& entry : found) out.push_back(entry.endpoint());
  if (out.empty()) return failure(NetError{"the name '" + at.host + "' has no address"});
  return out;
}

}  // namespace airbridge::net
