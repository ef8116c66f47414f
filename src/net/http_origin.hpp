#pragma once
// Keeps foreign web pages from driving a node through its user's browser, and our own page from loading anything
// foreign.
#include <string_view>
#include <vector>

#include "net/http_message.hpp"

namespace airbridge::net {

// Host must be an IP address, "localhost" or `bound_name` (a name that an attacker's DNS points at us is none of these:
// DNS rebinding); `insecure_lab` lifts this. Origin, which browsers send along, must be absent, the same host and
// port, or, when Host is a loopback name or address, a loopback one too.
bool origin_allowed(const HttpRequest& request, bool insecure_lab, std::string_view bound_name = {});

// Content-Security-Policy and its like, for every answer.
const std::vector<HttpHeader>& security_headers();

}  // namespace airbridge::net
