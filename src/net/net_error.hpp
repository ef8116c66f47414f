#pragma once
// Words for what the operating system refuses; inside net/ only.
#include <string>

#include "net/event_loop.hpp"

namespace airbridge::net {

// "connection reset by peer": the system's words, lower case.
std::string errno_text(int code);

// "cannot listen on 127.0.0.1:80: permission denied (ports below 1024 need a privilege: ...)"
NetError net_error(const std::string& what, int code);

}  // namespace airbridge::net
