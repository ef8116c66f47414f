#pragma once
// Numbers with their units, as people write them in settings and on command lines: "64k", "350ms", "20MB", "10%".
// Each reader takes the whole text or says what it wanted. Units are decimal: k is 1,000.
#include <cstdint>
#include <string>
#include <string_view>

#include "base/result.hpp"
#include "base/time.hpp"

namespace airbridge {

// The error is what was wanted, for a sentence that begins with where: "must be a rate such as 2400, 64k or 1.5M ..."
using TextFault = std::string;

Result<std::uint64_t, TextFault> parse_rate_bps(std::string_view text);  // "2400" "9600bps" "64k" "1.5M" "1G"; bit/s
Result<Milliseconds, TextFault> parse_span(std::string_view text);  // "350ms" "2s" "1.5min" "24h"; a unit is needed
Result<std::uint64_t, TextFault> parse_byte_count(std::string_view text);  // "200" "200B" "64kB" "20MB" "1GB"
Result<double, TextFault> parse_share(std::string_view text);              // "10%" "0.1"; 0..1
Result<bool, TextFault> parse_yes_no(std::string_view text);               // yes no true false on off 1 0
// A whole number within limits, both included.
Result<std::int64_t, TextFault> parse_whole(std::string_view text, std::int64_t low, std::int64_t high);

}  // namespace airbridge
