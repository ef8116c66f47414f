#include "net/net_error.hpp"

#include <cctype>
#include <cerrno>
#include <system_error>

namespace airbridge::net {

std::string errno_text(int code) {
  auto text = std::generic_category().message(code);
  if (!text.empty()) text[0] = static_cast<char>(std::tolower(static_cast<unsigned char>(text[0])));
  return text;
}

NetError net_error(const std::string& what, int code) {
  auto text = what + ": " + errno_text(code);
  switch (code) {
    case EADDRINUSE:
      text += " (another program listens there; stop it or choose another port)";
      break;
    case EACCES:
      text += " (ports below 1024 need a privilege: use a higher one, or grant CAP_NET_BIND_SERVICE)";
      break;
    case EADDRNOTAVAIL:
      text += " (this machine has no such address)";
      break;
    case ECONNREFUSED:
      text += " (nothing listens there)";
      break;
    default:
      break;
  }
  return {std::move(text), code};
}

}  // namespace airbridge::net
