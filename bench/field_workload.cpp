#include "field_workload.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <cstdio>
#include <cstdlib>
#include <numbers>

#include "model/geometry.hpp"
#include "model/schema.hpp"

namespace airbridge::bench {

using model::RecordKind;
using model::Value;

namespace {
constexpr double area_degrees = 0.15;
constexpr double base_latitude = 46.5, base_longitude = 7.75;
// Of what is updated no more than this stays in mind; the rest is done with.
constexpr std::size_t remembered_max = 120;

std::int64_t code_of(RecordKind kind, std::string_view field, std::string_view name) {
  return model::find_code(*model::find_field(static_cast<std::uint16_t>(kind), field), name)->code;
}
model::Write write_of(RecordKind kind, std::string_view field, Value value) {
  const auto* spec = model::find_field(static_cast<std::uint16_t>(kind), field);
  if (const auto* name = value.text(); name != nullptr && spec->type == model::ValueType::Code) {
    value = code_of(kind, field, *name);
  }
  return {spec->key(), std::move(value), {}};
}
model::Draft draft_of(RecordKind kind) {
  model::Draft out;
  out.record = static_cast<std::uint16_t>(kind);
  out.via = model::Via::Web;
  return out;
}

struct Share {
  double share;
  std::string_view name;
};
template <std::size_t N>
std::string_view pick(Rng& rng, const Share (&shares)[N]) {
  auto rest = rng.unit();
  for (const auto& share : shares) {
    if ((rest -= share.share) < 0) return share.name;
  }
  return shares[0].name;
}
}  // namespace

FieldWorkload::FieldWorkload(const FieldOptions& options)
    : options_(options),
      rng_(options.seed),
      words_(Rng(options.seed ^ 0x5EED), options.rare_words),
      now_(options.start),
      sides_(static_cast<std::size_t>(options.sides)) {}

void FieldWorkload::part(int sides) {
  Side all;
  for (auto& side : sides_) {
    for (const auto kind :
         {RecordKind::Casualty, RecordKind::Task, RecordKind::Unit, RecordKind::Site, RecordKind::Hazard}) {
      auto& from = list_of(side, kind);
      auto& into = list_of(all, kind);
      into.insert(into.end(), from.begin(), from.end());
    }
  }
  options_.sides = sides;
  sides_.assign(static_cast<std::size_t>(sides), all);
}

trust::SigningKey FieldWorkload::key_of(std::uint64_t seed, int node) {
  trust::SigningKey::Seed out;
  Rng(seed * 1000 + static_cast<std::uint64_t>(node)).fill(out.value);
  return trust::SigningKey::from_seed(out);
}
model::KeyId FieldWorkload::operator_of(int node) const { return key_of(options_.seed + 77, node).id(); }

std::vector<FieldWorkload::Known>& FieldWorkload::list_of(Side& side, RecordKind kind) {
  switch (kind) {
    case RecordKind::Casualty:
      return side.casualties;
    case RecordKind::Task:
      return side.tasks;
    case RecordKind::Unit:
      return side.units;
    case RecordKind::Site:
      return side.sites;
    default:
      return side.hazards;
  }
}

Value FieldWorkload::place() {
  // As a click on the page gives it: five decimals.
  const auto near = [&](double base) {
    return std::llround((base + area_degrees * (rng_.unit() + rng_.unit() - 1)) * 1e5) * 100;
  };
  return model::to_value(model::Place{*Position::from_e7(near(base_latitude), near(base_longitude)), std::nullopt});
}

model::Draft FieldWorkload::unit(int node) {
  auto draft = draft_of(RecordKind::Unit);
  const auto category = static_cast<std::int64_t>(node % 10 + 1);
  draft.writes = {write_of(RecordKind::Unit, "category", category),
                  write_of(RecordKind::Unit, "callsign", fmt::format("TEAM {}", node + 1)),
                  write_of(RecordKind::Unit, "state", "available"),
                  write_of(RecordKind::Unit, "crew", static_cast<std::int64_t>(2 + rng_.below(5)))};
  return draft;
}

model::Draft FieldWorkload::text(int) {
  const auto size = 45 + rng_.below(45);
  // Of six texts one goes to somebody.
  if (rng_.chance(1.0 / 6)) {
    auto draft = draft_of(RecordKind::Message);
    draft.writes = {write_of(RecordKind::Message, "text", words_.text(size))};
    if (rng_.chance(0.4)) {
      draft.writes.push_back(write_of(RecordKind::Message, "to", fmt::format("TEAM {}", rng_.below(50) + 1)));
    }
    return draft;
  }
  auto draft = draft_of(RecordKind::Journal);
  draft.writes = {write_of(RecordKind::Journal, "text", words_.text(size))};
  return draft;
}

model::Draft FieldWorkload::casualty() {
  static constexpr Share triage[] = {
      {0.14, "red"}, {0.30, "yellow"}, {0.46, "green"}, {0.03, "black"}, {0.07, "unknown"}};
  static constexpr Share mobility[] = {{0.5, "walking"}, {0.25, "assisted"}, {0.25, "stretcher"}};
  constexpr auto kind = RecordKind::Casualty;
  auto draft = draft_of(kind);
  auto& writes = draft.writes;
  writes = {write_of(kind, "triage", std::string(pick(rng_, triage))), write_of(kind, "place", place())};
  if (rng_.chance(0.6)) writes.push_back(write_of(kind, "name", words_.place() + " " + std::to_string(rng_.below(20))));
  if (rng_.chance(0.7)) writes.push_back(write_of(kind, "note", words_.text(30 + rng_.below(30))));
  if (rng_.chance(0.2)) writes.push_back(write_of(kind, "count", static_cast<std::int64_t>(2 + rng_.below(4))));
  if (rng_.chance(0.6)) writes.push_back(write_of(kind, "mobility", std::string(pick(rng_, mobility))));
  if (rng_.chance(0.5)) writes.push_back(write_of(kind, "evacuation", "waiting"));
  if (rng_.chance(0.1)) writes.push_back(write_of(kind, "winch", true));
  if (options_.private_parts && rng_.chance(0.4)) {
    writes.push_back(write_of(kind, "identity", words_.person()));
    if (rng_.chance(0.5)) writes.push_back(write_of(kind, "condition", words_.text(20 + rng_.below(20))));
    if (rng_.chance(0.5)) writes.push_back(write_of(kind, "age", static_cast<std::int64_t>(rng_.below(95))));
  }
  return draft;
}

model::Draft FieldWorkload::task(Side& side) {
  constexpr auto kind = RecordKind::Task;
  auto draft = draft_of(kind);
  auto& writes = draft.writes;
  writes = {write_of(kind, "state", "assigned"),
            write_of(kind, "assignee", side.units[rng_.below(side.units.size())].entity),
            write_of(kind, "text", words_.text(25 + rng_.below(30)))};
  if (rng_.chance(0.6)) writes.push_back(write_of(kind, "place", place()));
  if (rng_.chance(0.5)) writes.push_back(write_of(kind, "priority", static_cast<std::int64_t>(1 + rng_.below(3))));
  if (rng_.chance(0.2)) writes.push_back(write_of(kind, "due", ms_of(now_) / 60'000 * 60'000 + 3'600'000));
  return draft;
}

model::Draft FieldWorkload::set(Known& known, std::vector<std::pair<std::string_view, Value>> fields) {
  auto draft = draft_of(known.kind);
  draft.entity = known.entity;
  for (auto& [field, value] : fields) {
    auto write = write_of(known.kind, field, std::move(value));
    if (const auto last = known.last.find(write.key.raw); last != known.last.end()) write.replaced = {last->second};
    draft.writes.push_back(std::move(write));
  }
  return draft;
}

model::Draft FieldWorkload::update(Side& side) {
  static constexpr Share unit_state[] = {{0.25, "available"}, {0.2, "tasked"},     {0.2, "en_route"},
                                         {0.2, "on_scene"},   {0.14, "returning"}, {0.01, "distress"}};
  static constexpr Share evacuation[] = {
      {0.3, "waiting"}, {0.35, "moving"}, {0.3, "handed_over"}, {0.05, "not_needed"}};
  static constexpr Share triage[] = {{0.12, "red"}, {0.38, "yellow"}, {0.46, "green"}, {0.04, "black"}};
  static constexpr Share task_state[] = {{0.25, "accepted"}, {0.3, "under_way"}, {0.4, "done"}, {0.05, "failed"}};
  const auto any = [&](std::vector<Known>& list) -> Known& { return list[rng_.below(list.size())]; };
  const auto what = rng_.unit();
  if (what < 0.3 && !side.tasks.empty()) return set(any(side.tasks), {{"state", std::string(pick(rng_, task_state))}});
  if (what < 0.5 && !side.casualties.empty()) {
    return set(any(side.casualties), {{"evacuation", std::string(pick(rng_, evacuation))}});
  }
  if (what < 0.6 && !side.casualties.empty()) {
    return set(any(side.casualties), {{"triage", std::string(pick(rng_, triage))}});
  }
  if (what < 0.65 && !side.casualties.empty()) return set(any(side.casualties), {{"note", words_.text(40)}});
  return set(any(side.units), {{"state", std::string(pick(rng_, unit_state))}});
}

FieldDraft FieldWorkload::next() {
  FieldDraft out;
  if (begun_ < options_.nodes) {
    now_ += Milliseconds(200 + static_cast<std::int64_t>(rng_.below(2'000)));
    out = {now_, begun_, unit(begun_)};
    ++begun_;
  } else {
    const auto mean_ms = 3'600'000.0 / options_.entries_per_hour;
    now_ += Milliseconds(static_cast<std::int64_t>(-std::log(1 - rng_.unit()) * mean_ms));
    out.at = now_;
    out.node = static_cast<int>(rng_.below(static_cast<std::uint64_t>(options_.nodes)));
    auto& side = sides_[static_cast<std::size_t>(side_of(out.node))];
    const auto what = rng_.unit();
    out.draft = what < 0.60 ? text(out.node) : what < 0.85 ? update(side) : what < 0.95 ? casualty() : task(side);
  }
  out.draft.actor = operator_of(out.node);
  return out;
}

void FieldWorkload::written(const FieldDraft& draft, std::span<const trust::AuthoredEntry> entries) {
  const auto kind = static_cast<RecordKind>(draft.draft.record);
  if (kind == RecordKind::Journal || kind == RecordKind::Message || entries.empty()) return;
  auto& list = list_of(sides_[static_cast<std::size_t>(side_of(draft.node))], kind);
  const auto entity = entries.front().event.entity;
  auto known = std::find_if(list.begin(), list.end(), [&](const Known& one) { return one.entity == entity; });
  if (known == list.end()) {
    if (list.size() >= remembered_max) list.erase(list.begin());
    known = list.insert(list.end(), Known{entity, kind, {}});
  }
  for (const auto& made : entries) {
    for (const auto* writes : {&made.event.writes, &made.private_writes}) {
      for (const auto& write : *writes) known->last[write.key.raw] = made.entry.dot();
    }
  }
}

model::Observation FieldWorkload::position(int node, UtcTime at) const {
  // A round of its own: radius and pace from the number of the node.
  static constexpr double paces[] = {1.2, 1.2, 8, 12, 45};  // m/s: on foot, by vehicle, in a helicopter
  const auto pace = paces[node % 5];
  const auto radius_m = 400.0 + 130.0 * (node % 17);
  const auto angle = static_cast<double>(ms_of(at) % 864'000'000) / 1000 * pace / radius_m + node;
  constexpr double metres_a_degree = 111'195;
  const auto latitude = base_latitude + (node % 7 - 3) * 0.03 + radius_m * std::cos(angle) / metres_a_degree;
  const auto longitude = base_longitude + (node % 11 - 5) * 0.03 +
                         radius_m * std::sin(angle) / metres_a_degree / std::cos(latitude * std::numbers::pi / 180);
  model::Observation out;
  const auto id = key_of(options_.seed, node).id();
  out.subject = model::external_name("own", id.hex());
  out.kind = model::SubjectKind::OwnNode;
  out.via = model::Via::Gnss;
  out.source = "gpsd";
  out.gateway = id;
  out.measured = at;
  out.position = *Position::from_degrees(latitude, longitude);
  out.height = EllipsoidHeight(Metres{540 + 30 * std::sin(angle * 3)});
  const auto course = std::fmod(angle * 180 / std::numbers::pi + 90, 360);
  out.course = TrueBearing::from_degrees(course < 0 ? course + 360 : course);
  out.speed = MetresPerSecond{pace};
  out.horizontal_error_95 = Metres{6};
  out.callsign = fmt::format("TEAM {}", node + 1);
  return out;
}

FieldAuthors::FieldAuthors(const FieldOptions& options) : workload_(options) {
  incident_.value.fill(static_cast<std::uint8_t>(options.seed));
  trust::DataKey care;
  care.group.value.fill(static_cast<std::uint8_t>(0xC0 + options.seed % 16));
  care.key.value.fill(static_cast<std::uint8_t>(options.seed));
  Rng numbers(options.seed ^ 0x1234);
  for (int node = 0; node < options.nodes; ++node) {
    authors_.emplace_back(FieldWorkload::key_of(options.seed, node), incident_, static_cast<std::uint32_t>(numbers()),
                          std::vector<trust::DataKey>{care}, [salts = Rng(numbers())]() mutable {
                            trust::Author::Salt::result_type salt;
                            salts.fill(salt.value);
                            return salt;
                          });
  }
}

std::vector<FieldWritten> FieldAuthors::write_until(UtcTime until) {
  std::vector<FieldWritten> out;
  for (;;) {
    if (!waiting_) waiting_ = workload_.next();
    if (waiting_->at > until) return out;
    const auto quality = waiting_->node % 3 == 0 ? model::ClockQuality::Ntp : model::ClockQuality::Gnss;
    auto made = authors_[static_cast<std::size_t>(waiting_->node)].make(waiting_->draft, waiting_->at, quality);
    if (!made) {
      std::fprintf(stderr, "field workload: %s\n", made.error().faults.front().message.c_str());
      std::exit(1);
    }
    workload_.written(*waiting_, *made);
    for (auto& one : *made) {
      out.push_back({waiting_->at, waiting_->node, std::move(one.entry), one.head, std::move(one.seal)});
    }
    waiting_.reset();
  }
}

}  // namespace airbridge::bench
