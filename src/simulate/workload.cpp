#include "simulate/workload.hpp"

#include <fmt/format.h>

#include <algorithm>

#include "model/geometry.hpp"
#include "model/schema.hpp"

namespace airbridge::simulate {
namespace {
using model::RecordKind;

model::Write write(RecordKind record, std::string_view field, model::Value value) {
  return {model::find_field(static_cast<std::uint16_t>(record), field)->key(), std::move(value), {}};
}
model::Value place(Rng& rng) {
  return model::Value::List{model::Value(rng.between(460'000'000, 470'000'000)),
                            model::Value(rng.between(80'000'000, 90'000'000))};
}
model::Value point(Rng& rng) {
  return model::to_value(
      model::Geometry{model::Shape::Point,
                      {*Position::from_e7(rng.between(460'000'000, 470'000'000), rng.between(80'000'000, 90'000'000))},
                      0});
}
std::string words(Rng& rng, std::size_t bytes_max) {
  static constexpr std::string_view some[] = {"winch ",      "north face ",      "two people ", "fog ",
                                              "landed ",     "fuel low ",        "stretcher ",  "ridge ",
                                              "requesting ", "negative contact "};
  std::string out;
  const auto size = 10 + rng.below(bytes_max);
  while (out.size() < size) out += some[rng.below(std::size(some))];
  return out;
}
constexpr std::size_t casualties_max = 200;
}  // namespace

void Seen::note(const model::Dot& dot, const model::Event& event) {
  if (event.record != static_cast<std::uint16_t>(RecordKind::Casualty)) return;
  const auto triage = model::find_field(event.record, "triage")->key();
  auto known =
      std::find_if(casualties_.begin(), casualties_.end(), [&](const Casualty& c) { return c.entity == event.entity; });
  if (known == casualties_.end()) {
    if (casualties_.size() >= casualties_max) casualties_.erase(casualties_.begin());
    casualties_.push_back({event.entity, {}});
    known = std::prev(casualties_.end());
  }
  for (const auto& write : event.writes) {
    if (write.key != triage) continue;
    std::erase_if(known->triage, [&](const model::Dot& old) {
      return std::find(write.replaced.begin(), write.replaced.end(), old) != write.replaced.end();
    });
    if (known->triage.size() < 8) known->triage.push_back(dot);
  }
}

model::Draft Seen::draw(Rng& rng) const {
  model::Draft draft;
  draft.via = model::Via::Web;
  const auto kind = rng.below(100);
  const auto record = [&](RecordKind it) { draft.record = static_cast<std::uint16_t>(it); };
  if (kind < 15) {
    record(RecordKind::Casualty);
    draft.writes = {write(RecordKind::Casualty, "triage", rng.between(1, 6)),
                    write(RecordKind::Casualty, "place", place(rng))};
    if (rng.chance(0.5)) draft.writes.push_back(write(RecordKind::Casualty, "condition", words(rng, 200)));
  } else if (kind < 40 && !casualties_.empty()) {
    const auto& casualty = casualties_[rng.below(casualties_.size())];
    record(RecordKind::Casualty);
    draft.entity = casualty.entity;
    auto triage = write(RecordKind::Casualty, "triage", rng.between(1, 6));
    triage.replaced = casualty.triage;
    draft.writes = {triage};
  } else if (kind < 45) {
    record(RecordKind::Hazard);
    draft.writes = {write(RecordKind::Hazard, "category", rng.between(1, 12)),
                    write(RecordKind::Hazard, "geometry", point(rng)),
                    write(RecordKind::Hazard, "state", std::int64_t{1})};
  } else if (kind < 65) {
    record(RecordKind::Message);
    draft.writes = {write(RecordKind::Message, "text", words(rng, 300))};
  } else {
    record(RecordKind::Journal);
    draft.writes = {write(RecordKind::Journal, "text", words(rng, rng.chance(0.05) ? 3'500 : 300))};
  }
  return draft;
}

}  // namespace airbridge::simulate
