#include "codec/adsb/sbs.hpp"

#include <array>
#include <charconv>

namespace airbridge::codec::adsb {
namespace {

constexpr std::size_t field_count = 22;

// The fields of one line; field(1) is the first, as in the table of the header.
class Fields {
 public:
  explicit Fields(std::string_view line) : line_(line) {
    std::size_t begin = 0;
    while (count_ < field_count) {
      const auto comma = line.find(',', begin);
      const auto end = comma == line.npos ? line.size() : comma;
      fields_[count_++] = line.substr(begin, end - begin);
      if (comma == line.npos) return;
      begin = comma + 1;
    }
  }
  std::size_t count() const { return count_; }
  std::string_view operator[](std::size_t number) const { return fields_[number - 1]; }
  SbsError error(SbsFault fault, std::size_t number) const {
    return {fault, static_cast<std::size_t>((*this)[number].data() - line_.data())};
  }

 private:
  std::string_view line_;
  std::array<std::string_view, field_count> fields_{};
  std::size_t count_ = 0;
};

SbsRecord record_of(std::string_view name) {
  if (name == "MSG") return SbsRecord::Msg;
  if (name == "SEL") return SbsRecord::Sel;
  if (name == "ID") return SbsRecord::Id;
  if (name == "AIR") return SbsRecord::Air;
  if (name == "STA") return SbsRecord::Sta;
  if (name == "CLK") return SbsRecord::Clk;
  return SbsRecord::Unknown;
}

// Signs, digits and one point only: from_chars alone would take "nan", "inf" and "1e300".
std::optional<double> parse_number(std::string_view text) {
  if (text.find_first_not_of("+-.0123456789") != text.npos) return std::nullopt;
  if (text.size() > 1 && text.front() == '+' && text[1] != '-') text.remove_prefix(1);
  double value = 0;
  const char* const end = text.data() + text.size();
  const auto [stop, error] = std::from_chars(text.data(), end, value, std::chars_format::fixed);
  if (error != std::errc{} || stop != end) return std::nullopt;
  return value;
}

// Reads one message field by field and remembers the first fault.
class Reader {
 public:
  explicit Reader(const Fields& fields) : fields_(fields) {}

  template <class Make>
  auto number(std::size_t field, double low, double high, Make make) -> std::optional<decltype(make(0.0))> {
    if (fields_[field].empty()) return std::nullopt;
    const auto value = parse_number(fields_[field]);
    if (!value) return fault(SbsFault::NotANumber, field), std::nullopt;
    if (*value < low || *value > high) return fault(SbsFault::OutOfRange, field), std::nullopt;
    return make(*value);
  }
  std::optional<bool> flag(std::size_t field) {
    const auto text = fields_[field];
    if (text.empty()) return std::nullopt;
    if (text == "0") return false;
    if (text == "1" || text == "-1") return true;
    return fault(SbsFault::BadFlag, field), std::nullopt;
  }
  void position(SbsMessage& out) {
    if (fields_[15].empty() || fields_[16].empty()) return;
    const auto latitude = parse_number(fields_[15]);
    const auto longitude = parse_number(fields_[16]);
    if (!latitude) return fault(SbsFault::NotANumber, 15);
    if (!longitude) return fault(SbsFault::NotANumber, 16);
    if (*latitude == 0 && *longitude == 0) {
      out.position_verdict = SbsPosition::Zero;
      return;
    }
    out.position = Position::from_degrees(*latitude, *longitude);
    out.position_verdict = out.position ? SbsPosition::Present : SbsPosition::OutOfRange;
  }
  void callsign(SbsMessage& out) {
    auto text = parse_callsign(fields_[11]);
    if (!text) return fault(SbsFault::BadCallsign, 11);
    out.callsign = std::move(*text);
  }
  void squawk(SbsMessage& out) {
    if (fields_[18].empty()) return;
    auto text = parse_squawk(fields_[18]);
    if (!text) return fault(SbsFault::BadSquawk, 18);
    out.squawk = std::move(*text);
  }
  const std::optional<SbsError>& error() const { return error_; }

 private:
  void fault(SbsFault what, std::size_t field) {
    if (!error_) error_ = fields_.error(what, field);
  }
  const Fields& fields_;
  std::optional<SbsError> error_;
};

}  // namespace

std::string_view words_for(SbsFault fault) {
  switch (fault) {
    case SbsFault::NotSbs:
      return "the line is not SBS-1";
    case SbsFault::TooFewFields:
      return "a MSG line has 22 fields, this one has fewer";
    case SbsFault::UnknownSubtype:
      return "the MSG subtype is not 1 to 8";
    case SbsFault::BadAddress:
      return "the ICAO address is not 6 hexadecimal digits";
    case SbsFault::BadCallsign:
      return "the callsign is over 8 characters or not printable";
    case SbsFault::NotANumber:
      return "a number was expected";
    case SbsFault::OutOfRange:
      return "the number is outside what an aircraft can have";
    case SbsFault::BadSquawk:
      return "the squawk is not four octal digits";
    case SbsFault::BadFlag:
      return "a flag is not 0, 1 or -1";
  }
  return "unknown fault";
}

Result<SbsMessage, SbsError> parse_sbs(std::string_view line) {
  const auto name = line.substr(0, line.find(','));
  const bool is_word = name.size() >= 2 && name.size() <= 4 && name.size() < line.size() &&
                       name.find_first_not_of("ABCDEFGHIJKLMNOPQRSTUVWXYZ") == name.npos;
  if (!is_word) return failure(SbsError{SbsFault::NotSbs, 0});

  SbsMessage out;
  out.record = record_of(name);
  if (out.record != SbsRecord::Msg) return out;

  const Fields fields(line);
  if (fields.count() < field_count) return failure(SbsError{SbsFault::TooFewFields, line.size()});
  if (fields[2].size() != 1 || fields[2][0] < '1' || fields[2][0] > '8') {
    return failure(fields.error(SbsFault::UnknownSubtype, 2));
  }
  out.subtype = static_cast<std::uint8_t>(fields[2][0] - '0');
  const auto address = Address::parse(fields[5]);
  if (!address) return failure(fields.error(SbsFault::BadAddress, 5));
  out.address = *address;

  Reader read(fields);
  read.callsign(out);
  out.altitude = read.number(12, altitude_min_ft, altitude_max_ft,
                             [](double feet) { return PressureAltitude(Metres::from_feet(feet)); });
  out.ground_speed = read.number(13, 0, ground_speed_max_kt, MetresPerSecond::from_knots);
  out.track = read.number(14, -360, 360, [](double degrees) { return *TrueBearing::from_degrees(degrees); });
  read.position(out);
  out.climb = read.number(17, -climb_max_fpm, climb_max_fpm, MetresPerSecond::from_feet_per_minute);
  read.squawk(out);
  read.flag(19);  // alert: the squawk was changed; the new squawk says it better
  out.emergency = read.flag(20);
  out.ident = read.flag(21);
  out.on_ground = read.flag(22);
  if (read.error()) return failure(*read.error());
  return out;
}

}  // namespace airbridge::codec::adsb
