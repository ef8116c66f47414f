#pragma once
// A blocking HTTP client for the command line: one request, one answer, to the node on this machine.
#include <string>
#include <string_view>

#include "base/result.hpp"

namespace airbridge::app {

struct HttpAnswer {
  int status = 0;
  std::string head;  // the lines before the body
  std::string body;
  std::string header(std::string_view name) const;  // empty when there is none
};

// `address` is "host:port". The error says what failed in words. At most 256 MiB of answer, 30 s of waiting.
Result<HttpAnswer, std::string> http_call(const std::string& address, std::string_view method, std::string_view path,
                                          std::string_view body = {});

}  // namespace airbridge::app
