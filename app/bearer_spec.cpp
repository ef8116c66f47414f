#include "bearer_spec.hpp"

#include <fmt/format.h>
#include <fmt/ranges.h>

#include <algorithm>
#include <functional>
#include <set>
#include <utility>

#include "base/quantity_text.hpp"
#include "bearer/limits.hpp"
#include "meter.hpp"
#include "net/byte_line.hpp"

namespace airbridge::app {
namespace {

using Kind = BearerSpec::Kind;
using Wrong = std::optional<std::string>;

constexpr std::string_view default_group = "239.192.77.1";
constexpr std::size_t name_max = 24;
constexpr unsigned udp = 1, multicast = 2, serial = 4, kiss_tcp = 8, modems = serial | kiss_tcp, all = 15;
constexpr Milliseconds kiss_step{10};  // of the times a modem is told

unsigned bit_of(Kind kind) { return 1U << static_cast<unsigned>(kind); }

template <class Value, class Into>
Wrong take(Result<Value, TextFault> value, Into&& into) {
  if (!value) return value.error();
  into(*value);
  return std::nullopt;
}

Wrong take_kiss_time(std::string_view text, std::optional<std::uint8_t>& into) {
  const auto span = parse_span(text);
  if (!span) return span.error();
  const auto steps = *span / kiss_step;
  if (steps > 255) return "must be at most 2550ms";
  into = static_cast<std::uint8_t>(steps);
  return std::nullopt;
}

Wrong take_endpoint(std::string_view text, std::optional<net::Endpoint>& into) {
  auto endpoint = net::Endpoint::parse(text, bearer_port);
  if (!endpoint) return endpoint.error().what;
  into = *std::move(endpoint);
  return std::nullopt;
}

// The numbers' bounds are those of bearer::bounded(); here what a person wrote is refused rather than moved.
template <class Number>
Wrong take_whole(std::string_view text, std::int64_t low, std::int64_t high, Number& into) {
  return take(parse_whole(text, low, high), [&](std::int64_t value) { into = static_cast<Number>(value); });
}

struct Option {
  std::string_view key;
  unsigned kinds;
  Wrong (*take)(BearerSpec&, std::string_view);
};

constexpr Option options[] = {
    {"rate", all,
     [](BearerSpec& s, std::string_view t) {
       return take(parse_rate_bps(t), [&](std::uint64_t v) {
         s.profile.rate_bps = static_cast<std::uint32_t>(std::min<std::uint64_t>(v, UINT32_MAX));
       });
     }},
    {"mtu", all,
     [](BearerSpec& s, std::string_view t) { return take_whole(t, bearer::mtu_min, bearer::mtu_max, s.profile.mtu); }},
    {"delay", all,
     [](BearerSpec& s, std::string_view t) {
       return take(parse_span(t), [&](Milliseconds v) { s.profile.delay = v; });
     }},
    {"half-duplex", all,
     [](BearerSpec& s, std::string_view t) {
       return take(parse_yes_no(t), [&](bool v) { s.profile.half_duplex = v; });
     }},
    {"turn-round", all,
     [](BearerSpec& s, std::string_view t) {
       return take(parse_span(t), [&](Milliseconds v) { s.profile.turn_round = v; });
     }},
    {"broadcast", all,
     [](BearerSpec& s, std::string_view t) { return take(parse_yes_no(t), [&](bool v) { s.profile.broadcast = v; }); }},
    {"one-way", all,
     [](BearerSpec& s, std::string_view t) { return take(parse_yes_no(t), [&](bool v) { s.profile.one_way = v; }); }},
    {"encrypt", all,
     [](BearerSpec& s, std::string_view t) { return take(parse_yes_no(t), [&](bool v) { s.profile.encrypt = v; }); }},
    {"duty-cycle", all,
     [](BearerSpec& s, std::string_view t) {
       return take(parse_share(t), [&](double v) { s.profile.duty_cycle = v; });
     }},
    {"interval", all,
     [](BearerSpec& s, std::string_view t) {
       return take(parse_span(t), [&](Milliseconds v) { s.profile.interval = v; });
     }},
    {"burst", all,
     [](BearerSpec& s, std::string_view t) {
       return take_whole(t, 2, bearer::burst_frames_max, s.profile.burst_frames);
     }},
    {"repair", all, [](BearerSpec& s, std::string_view t) { return take_whole(t, 0, 100, s.profile.repair_percent); }},
    {"cost", all, [](BearerSpec& s, std::string_view t) { return take_whole(t, 0, bearer_cost_max, s.profile.cost); }},
    {"budget", all,
     [](BearerSpec& s, std::string_view t) {
       return take(parse_budget(t), [&](std::uint64_t v) { s.budget_bytes_per_day = v; });
     }},
    {"listen", udp, [](BearerSpec& s, std::string_view t) { return take_endpoint(t, s.listen); }},
    {"interface", multicast,
     [](BearerSpec& s, std::string_view t) -> Wrong {
       s.interface = t;
       return t.empty() || t.size() > 15 ? Wrong("must be the name of an interface, as `ip link` lists them")
                                         : std::nullopt;
     }},
    {"hops", multicast, [](BearerSpec& s, std::string_view t) { return take_whole(t, 0, 32, s.hops); }},
    {"baud", serial,
     [](BearerSpec& s, std::string_view t) -> Wrong {
       auto wrong = take_whole(t, 1, 10'000'000, s.baud);
       if (!wrong && !net::is_serial_speed(s.baud)) wrong = "must be one of " + net::serial_speeds();
       return wrong;
     }},
    {"port", modems, [](BearerSpec& s, std::string_view t) { return take_whole(t, 0, 15, s.kiss_port); }},
    {"tx-delay", modems, [](BearerSpec& s, std::string_view t) { return take_kiss_time(t, s.kiss.tx_delay); }},
    {"tx-tail", modems, [](BearerSpec& s, std::string_view t) { return take_kiss_time(t, s.kiss.tx_tail); }},
    {"slot-time", modems, [](BearerSpec& s, std::string_view t) { return take_kiss_time(t, s.kiss.slot_time); }},
    {"persistence", modems,
     [](BearerSpec& s, std::string_view t) {
       return take(parse_share(t), [&](double v) {
         s.kiss.persistence = static_cast<std::uint8_t>(std::clamp(v * 256 - 1, 0.0, 255.0));
       });
     }},
    {"full-duplex", modems,
     [](BearerSpec& s, std::string_view t) { return take(parse_yes_no(t), [&](bool v) { s.kiss.full_duplex = v; }); }},
};

std::string keys_of(Kind kind) {
  std::string out = "preset";
  for (const auto& option : options) {
    if ((option.kinds & bit_of(kind)) != 0) out += fmt::format(", {}", option.key);
  }
  return out;
}

bearer::Profile profile_of(Kind kind) {
  bearer::Profile out;
  switch (kind) {
    case Kind::Udp:
      out = *bearer::preset("lan");
      out.mtu = 1'200;
      out.delay = Milliseconds(20);
      out.interval = Milliseconds(15'000);
      break;
    case Kind::Multicast:
      out = *bearer::preset("lan");
      out.broadcast = true;
      break;
    case Kind::Serial:
      out = *bearer::preset("serial");
      break;
    case Kind::KissTcp:
      out = *bearer::preset("radio");
      break;
  }
  return out;
}

bool is_name(std::string_view text) {
  return !text.empty() && text.size() <= name_max && std::all_of(text.begin(), text.end(), [](char c) {
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '-' || c == '_';
  });
}

Wrong take_options(BearerSpec& spec, std::string_view list) {
  std::set<std::string_view> seen;
  std::vector<std::pair<std::string_view, std::string_view>> pairs;
  while (!list.empty()) {
    const auto end = std::min(list.find('&'), list.size());
    const auto item = list.substr(0, end);
    list = list.substr(std::min(end + 1, list.size()));
    const auto equals = std::min(item.find('='), item.size());
    const auto key = item.substr(0, equals);
    if (!seen.insert(key).second) return fmt::format("{} stands twice", key);
    pairs.emplace_back(key, item.substr(std::min(equals + 1, item.size())));
  }
  // The preset first, wherever it stands: the others change it.
  for (const auto& [key, value] : pairs) {
    if (key != "preset") continue;
    const auto preset = bearer::preset(value);
    if (!preset)
      return fmt::format("preset must be one of {}, is \"{}\"", fmt::join(bearer::preset_names(), ", "), value);
    const bool broadcast = spec.profile.broadcast || preset->broadcast;
    spec.profile = *preset;
    spec.profile.broadcast = broadcast;
  }
  for (const auto& [key, value] : pairs) {
    if (key == "preset") continue;
    const auto wanted = key;
    const auto* const option =
        std::find_if(std::begin(options), std::end(options), [&](const Option& one) { return one.key == wanted; });
    if (option == std::end(options) || (option->kinds & bit_of(spec.kind)) == 0)
      return fmt::format("there is no option {} here; there are {}", key, keys_of(spec.kind));
    if (const auto wrong = option->take(spec, value)) return fmt::format("{} {}", key, *wrong);
  }
  // What a serial line carries at most: ten bits a byte.
  if (spec.kind == Kind::Serial && seen.count("baud") != 0 && seen.count("rate") == 0)
    spec.profile.rate_bps = spec.baud * 8 / 10;
  return std::nullopt;
}

Wrong take_place(BearerSpec& spec, std::string_view place) {
  if (spec.kind == Kind::Serial) {
    spec.device = place;
    if (!place.starts_with('/')) return "must name a device, such as serial:///dev/ttyUSB0";
    return std::nullopt;
  }
  if (place.empty()) {
    if (spec.kind == Kind::Udp) return std::nullopt;
    if (spec.kind == Kind::KissTcp)
      return "must say where the modem's program listens, such as kiss-tcp://127.0.0.1:8001";
    spec.to = net::Endpoint{std::string(default_group), bearer_port};
    return std::nullopt;
  }
  return take_endpoint(place, spec.to);
}

}  // namespace

std::string_view BearerSpec::kind_name() const {
  if (profile.name == "satellite") return "satellite";
  switch (kind) {
    case Kind::Udp:
      return "udp";
    case Kind::Multicast:
      return "multicast";
    case Kind::Serial:
    case Kind::KissTcp:
      break;
  }
  return "serial";
}

std::string BearerSpec::address() const {
  switch (kind) {
    case Kind::Serial:
      return fmt::format("{} at {} baud", device, baud);
    case Kind::Multicast:
      return interface.empty() ? to->text() : fmt::format("{} on {}", to->text(), interface);
    case Kind::Udp:
      if (!to) return "listening at " + listen->text();
      break;
    case Kind::KissTcp:
      break;
  }
  return to->text();
}

Result<BearerSpec, std::string> parse_bearer(const std::string& text) {
  BearerSpec spec;
  spec.text = text;
  const auto fail = [&](std::string_view why) {
    return failure(fmt::format("\"{}\": {}", std::string_view(text).substr(0, 300), why));
  };
  std::string_view rest = text;
  const auto question = rest.find('?');
  const auto list = question == rest.npos ? std::string_view() : rest.substr(question + 1);
  rest = rest.substr(0, question);
  if (const auto equals = rest.find('='); equals != rest.npos) {
    spec.name = rest.substr(0, equals);
    if (!is_name(spec.name))
      return fail(fmt::format("before the = stands a name of letters, digits, - and _, at most {} long", name_max));
    rest = rest.substr(equals + 1);
  }
  const auto colon = rest.find("://");
  const auto scheme = rest.substr(0, colon);
  const auto place = colon == rest.npos ? std::string_view() : rest.substr(colon + 3);
  if (scheme == "lan" && colon == rest.npos) {
    spec.kind = Kind::Multicast;
  } else if (colon == rest.npos) {
    return fail("write lan, multicast://, udp://, serial:// or kiss-tcp://");
  } else if (scheme == "multicast") {
    spec.kind = Kind::Multicast;
  } else if (scheme == "udp") {
    spec.kind = Kind::Udp;
  } else if (scheme == "serial") {
    spec.kind = Kind::Serial;
  } else if (scheme == "kiss-tcp") {
    spec.kind = Kind::KissTcp;
  } else {
    return fail(
        fmt::format("there are no bearers {}://; write lan, multicast://, udp://, serial:// or kiss-tcp://", scheme));
  }
  spec.profile = profile_of(spec.kind);
  if (const auto wrong = take_place(spec, place)) return fail(*wrong);
  if (const auto wrong = take_options(spec, list)) return fail(*wrong);
  if (spec.kind == Kind::Udp && !spec.to && !spec.listen)
    return fail("must say where to, udp://host:port, or where to wait for others, udp://?listen=0.0.0.0:4610");
  if (spec.name.empty()) spec.name = std::string(scheme);
  if (spec.profile.name.empty()) spec.profile.name = std::string(scheme);
  spec.profile = bearer::bounded(spec.profile);
  return spec;
}

Result<std::vector<BearerSpec>, std::string> parse_bearers(const std::vector<std::string>& texts) {
  std::vector<BearerSpec> out;
  std::set<std::string> names;
  if (texts.size() > bearers_max)
    return failure(fmt::format("there may be {} bearers, are {}", bearers_max, texts.size()));
  for (const auto& text : texts) {
    auto spec = parse_bearer(text);
    if (!spec) return failure(spec.error());
    const bool given = text.starts_with(spec->name + "=");
    if (given && names.count(spec->name) != 0)
      return failure(
          fmt::format("\"{}\": the name {} is given twice; the bearers' files are called by it", text, spec->name));
    const auto base = spec->name;
    for (int number = 2; names.count(spec->name) != 0; ++number) spec->name = fmt::format("{}-{}", base, number);
    names.insert(spec->name);
    out.push_back(*std::move(spec));
  }
  return out;
}

std::string describe(const bearer::Profile& profile) {
  auto out = profile.rate_bps == 0 ? std::string("as fast as it goes") : fmt::format("{} bit/s", profile.rate_bps);
  out += fmt::format(", frames of {} B, {} ms on the way", profile.mtu, profile.delay.count());
  if (profile.half_duplex) out += fmt::format(", half duplex, turns in {} ms", profile.turn_round.count());
  if (profile.broadcast) out += ", broadcast";
  if (profile.one_way) out += ", one way";
  out += profile.encrypt ? ", encrypted" : ", signed only";
  if (profile.duty_cycle < 1) out += fmt::format(", may send {:g} % of the time", profile.duty_cycle * 100);
  out += fmt::format(", beacon every {:g} s", static_cast<double>(profile.interval.count()) / 1e3);
  if (profile.cost > 0) out += fmt::format(", cost {}", profile.cost);
  return out;
}

}  // namespace airbridge::app
