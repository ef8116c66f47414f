#pragma once
// Host names to addresses; inside net/ only.
#include <boost/asio/io_context.hpp>
#include <boost/asio/ip/tcp.hpp>
#include <optional>
#include <vector>

#include "net/connection.hpp"

namespace airbridge::net {

// The addresses that need no name service: a literal, or "localhost" (IPv4 first).
std::optional<std::vector<boost::asio::ip::tcp::endpoint>> resolve_literal(const Endpoint& at);

// Asks the name service when it must, and blocks meanwhile: for listeners at start-up. Never empty.
Result<std::vector<boost::asio::ip::tcp::endpoint>, NetError> resolve_now(boost::asio::io_context& io,
                                                                          const Endpoint& at);

}  // namespace airbridge::net
