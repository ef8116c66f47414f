#pragma once
// Where a node may listen and link to by TCP: nothing authenticates users or encrypts that yet, so beyond loopback only
// with --insecure-lab. Bearers encrypt their frames and are not asked.
#include <string>
#include <string_view>

#include "base/result.hpp"
#include "net/connection.hpp"

namespace airbridge::app {

// The endpoint an option names; the error says which option and what to do.
Result<net::Endpoint, std::string> listen_endpoint(std::string_view option, const std::string& text,
                                                   std::uint16_t default_port, bool insecure_lab);
// The same for another node to link to.
Result<net::Endpoint, std::string> peer_endpoint(std::string_view option, const std::string& text,
                                                 std::uint16_t default_port, bool insecure_lab);

}  // namespace airbridge::app
