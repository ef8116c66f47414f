#pragma once
// Telling systemd how we are: sd_notify's protocol, one datagram to $NOTIFY_SOCKET. Does nothing outside systemd.
#include <string_view>

namespace airbridge::app {
void notify_service(std::string_view state);  // "READY=1", "STOPPING=1", "STATUS=..."
}
