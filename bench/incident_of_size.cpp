#include "incident_of_size.hpp"

#include <fmt/format.h>

#include "model/geometry.hpp"
#include "model/schema.hpp"

namespace airbridge::bench {
namespace {
using model::RecordKind;
using model::Value;

constexpr RecordKind mix[] = {  // of twenty records
    RecordKind::Unit,     RecordKind::Unit,     RecordKind::Unit,    RecordKind::Unit,     RecordKind::Site,
    RecordKind::Site,     RecordKind::Hazard,   RecordKind::Hazard,  RecordKind::Casualty, RecordKind::Casualty,
    RecordKind::Casualty, RecordKind::Casualty, RecordKind::Message, RecordKind::Message,  RecordKind::Message,
    RecordKind::Message,  RecordKind::Message,  RecordKind::Task,    RecordKind::Task,     RecordKind::Task};
RecordKind kind_of(std::uint64_t record) { return mix[record % std::size(mix)]; }

// Within two degrees; moved a little in each round.
Value place(std::uint64_t record, std::uint64_t round) {
  const auto spread = record * 2654435761U;
  const auto where = Position::from_e7(460'000'000 + static_cast<std::int64_t>(spread % 20'000'000 + round * 900),
                                       70'000'000 + static_cast<std::int64_t>(spread / 7 % 20'000'000 + round * 700));
  return model::to_value(model::Place{*where, std::nullopt});
}
Value circle(std::uint64_t record, std::uint64_t round) {
  const auto place = *model::place_of(bench::place(record, round));
  return model::to_value(
      model::Geometry{model::Shape::Circle, {place.position}, 200.0 + 10.0 * static_cast<double>(round)});
}
std::int64_t code(std::uint64_t record, std::uint64_t round, std::int64_t codes) {
  return static_cast<std::int64_t>((record + round * 7) % static_cast<std::uint64_t>(codes)) + 1;
}
std::string words(std::string_view what, std::uint64_t record, std::uint64_t round) {
  return fmt::format("{} {}, entry {}: seen from the ridge, wind from the west, going on", what, record, round);
}

class Draft {
 public:
  explicit Draft(RecordKind kind) { draft_.record = static_cast<std::uint16_t>(kind); }
  Draft& set(std::string_view field, Value value) {
    draft_.writes.push_back({model::find_field(draft_.record, field)->key(), std::move(value), {}});
    return *this;
  }
  model::Draft take() { return std::move(draft_); }

 private:
  model::Draft draft_;
};

model::Draft unit(std::uint64_t n, std::uint64_t round) {
  Draft out(RecordKind::Unit);
  if (round == 0) {
    out.set("category", code(n, 0, 10)).set("callsign", fmt::format("Unit {}", n)).set("state", 1);
    out.set("place", place(n, 0)).set("crew", code(n, 0, 6)).set("phone", fmt::format("+41 79 {:07}", n));
  } else if (round % 3 == 1) {
    out.set("state", code(round, 0, 5)).set("place", place(n, round));
  } else if (round % 3 == 2) {
    out.set("place", place(n, round)).set("endurance", static_cast<std::int64_t>(300 - round * 20));
  } else {
    out.set("capability", code(n, round, 11)).set("note", words("unit", n, round));
  }
  return out.take();
}
model::Draft site(std::uint64_t n, std::uint64_t round) {
  Draft out(RecordKind::Site);
  if (round == 0) {
    out.set("name", fmt::format("Site {}", n)).set("category", code(n, 0, 15)).set("place", place(n, 0));
    out.set("state", 1).set("surface", std::string("gravel, cable to the north"));
  } else if (round % 2 == 1) {
    out.set("state", code(round, 0, 2)).set("supplies", static_cast<std::int64_t>(round) * 5 - 12);
  } else {
    out.set("capacity", static_cast<std::int64_t>(n % 40 + round)).set("note", words("site", n, round));
  }
  return out.take();
}
model::Draft hazard(std::uint64_t n, std::uint64_t round) {
  Draft out(RecordKind::Hazard);
  if (round == 0) {
    out.set("category", code(n, 0, 12)).set("geometry", circle(n, 0)).set("severity", 2).set("state", 1);
    out.set("name", fmt::format("Hazard {}", n));
  } else if (round % 3 == 0) {
    out.set("severity", code(n, round, 4)).set("note", words("hazard", n, round));
  } else {
    out.set("geometry", circle(n, round)).set("state", 2);
  }
  return out.take();
}
model::Draft casualty(std::uint64_t n, std::uint64_t round) {
  Draft out(RecordKind::Casualty);
  switch (round) {
    case 0:
      out.set("triage", 2).set("place", place(n, 0)).set("life", 1).set("count", 1);
      out.set("identity", fmt::format("Person {}, of the upper village", n)).set("age", static_cast<int>(n % 90));
      break;
    case 1:
      out.set("condition", words("condition", n, round)).set("mobility", code(n, 0, 3));
      break;
    case 2:
    case 5:
    case 7:
      out.set("observation", fmt::format("pulse {}, breathing {}", 60 + n % 60, 12 + round));
      break;
    case 3:
      out.set("contact", fmt::format("next of kin {}", n)).set("winch", n % 2 == 0);
      break;
    default:
      out.set("evacuation", code(round, 0, 3)).set("place", place(n, round)).set("triage", code(n, round, 4));
      break;
  }
  return out.take();
}
model::Draft message(std::uint64_t n, std::uint64_t round) {
  Draft out(RecordKind::Message);
  if (round == 0) {
    out.set("text", words("message", n, 0)).set("channel", std::string("Relief 1")).set("priority", code(n, 0, 2) + 1);
    out.set("place", place(n, 0));
  } else {
    out.set("acknowledged", fmt::format("Unit {}", n % 100 + round));
  }
  return out.take();
}
model::Draft task(std::uint64_t n, std::uint64_t round, const std::optional<model::EntityId>& unit) {
  Draft out(RecordKind::Task);
  if (round == 0) {
    out.set("state", 1).set("text", words("task", n, 0)).set("place", place(n, 0)).set("priority", code(n, 0, 3));
    if (unit) out.set("assignee", *unit);
  } else if (round < 4) {
    out.set("state", static_cast<std::int64_t>(round) + 1);
  } else if (round < 8) {
    out.set("place", place(n, round)).set("note", words("task", n, round));
  } else {
    out.set("priority", code(n, round, 3)).set("text", words("task", n, round));
  }
  return out.take();
}

}  // namespace

std::optional<model::Draft> IncidentOfSize::draft(std::uint64_t number) const {
  const auto n = number % records();
  const auto round = number / records();
  if (round > 0 && !ids_[n]) return std::nullopt;
  const auto unit_for = [&]() {  // a unit for each task, one in fifty of them claimed twice
    return ids_[n / std::size(mix) * std::size(mix) + (n % 1000 == 17 ? 2 : n % std::size(mix) % 4)];
  };
  model::Draft out;
  switch (kind_of(n)) {
    case RecordKind::Unit:
      out = unit(n, round);
      break;
    case RecordKind::Site:
      out = site(n, round);
      break;
    case RecordKind::Hazard:
      out = hazard(n, round);
      break;
    case RecordKind::Casualty:
      out = casualty(n, round);
      break;
    case RecordKind::Message:
      out = message(n, round);
      break;
    default:
      out = task(n, round, unit_for());
      break;
  }
  out.entity = round > 0 ? ids_[n] : std::nullopt;
  out.via = number % 2 == 0 ? model::Via::Web : model::Via::Tak;
  out.source = number % 2 == 0 ? "page" : fmt::format("ANDROID-{:08x}", n % 200);
  if (out.via == model::Via::Web) {
    model::CommandId id;
    for (std::size_t i = 0; i < 8; ++i) id.value[i] = static_cast<std::uint8_t>((number + 1) >> (8 * i));
    id.value[8] = part_;
    out.command = id;
  }
  return out;
}

std::uint64_t IncidentOfSize::private_parts(std::uint64_t events) const {
  std::uint64_t count = 0;
  for (std::uint64_t number = 0; number < events; ++number) {
    const auto round = number / records();
    const auto kind = kind_of(number % records());
    const bool casualty = kind == RecordKind::Casualty && (round < 4 || round == 5 || round == 7);
    count += casualty || (kind == RecordKind::Unit && round == 0) ? 1 : 0;
  }
  return count;
}

}  // namespace airbridge::bench
