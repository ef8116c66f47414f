#include "trust/author.hpp"

#include <fmt/format.h>

#include <algorithm>

#include "model/cbor.hpp"
#include "model/coverage.hpp"

namespace airbridge::trust {

using model::Class;
using model::Write;

namespace {
// What is signed must be readable everywhere. Validation sees to it; this is the net under it, for an event that nobody
// can read could never be taken back.
std::string unreadable(const AuthoredEntry& made) {
  const auto dot = made.entry.dot();
  const auto event = model::decode_event(made.entry.public_part, dot);
  if (!event) return "cannot be encoded: " + model::describe(event.error());
  if (made.private_writes.empty()) return {};
  const auto writes = model::decode_writes(model::encode_writes(made.private_writes, dot), dot);
  return writes ? std::string() : "cannot be encoded: " + model::describe(writes.error());
}
}  // namespace

Author::Author(SigningKey key, const model::IncidentId& incident, std::uint32_t incarnation,
               std::vector<DataKey> data_keys, Salt salt)
    : key_(std::move(key)), incident_(incident), data_keys_(std::move(data_keys)), salt_(std::move(salt)) {
  writer_.author = key_.id();
  begin_incarnation(incarnation);
}

void Author::begin_incarnation(std::uint32_t incarnation) {
  writer_.incarnation = incarnation;
  for (int c = 0; c < model::class_count; ++c) {
    const model::StreamId stream{writer_, static_cast<Class>(c), {}};
    heads_[static_cast<std::size_t>(c)] = {0, model::chain_start(incident_, stream)};
  }
}

void Author::resume(Class cls, std::uint64_t seq, const model::Hash& head, model::Hlc last) {
  heads_[static_cast<std::size_t>(cls)] = {seq, head};
  clock_.observe(last, last.time());
}

AuthoredEntry Author::make_one(model::Event event, std::vector<Write> private_writes, Class cls, bool creates) {
  auto& head = heads_[static_cast<std::size_t>(cls)];
  AuthoredEntry out;
  out.before = head;
  out.entry.stream = {writer_, cls, {}};
  out.entry.seq = head.seq + 1;
  const auto dot = out.entry.dot();
  if (creates) event.entity = dot;
  out.entry.public_part = model::encode(event, dot);
  if (!private_writes.empty()) {
    out.entry.private_part =
        model::PrivatePart::here(seal_private(private_writes, dot, incident_, data_keys_.front(), salt_()));
  }
  out.head = model::chain_next(head.head, out.entry);
  out.seal = make_seal(key_, incident_, out.entry.stream, out.entry.seq, out.head);
  head = {out.entry.seq, out.head};
  out.event = std::move(event);
  out.private_writes = std::move(private_writes);
  return out;
}

Result<std::vector<AuthoredEntry>, AuthorFault> Author::make(const model::Draft& draft, UtcTime now,
                                                             model::ClockQuality quality) {
  if (auto faults = model::validate(draft); !faults.empty()) return failure(AuthorFault{std::move(faults)});
  std::vector<Write> open_writes, private_writes;
  for (const auto& write : draft.writes) {
    const auto* field = model::find_field(draft.record, write.key);
    (field->privacy == model::Privacy::Private ? private_writes : open_writes).push_back(write);
  }
  if (!private_writes.empty() && data_keys_.empty()) {
    return failure(AuthorFault{
        {{std::string(model::find_field(draft.record, private_writes.front().key)->name),
          "this node holds no data key for personal data", "join the incident with an invitation that includes it"}}});
  }
  // A tombstone that names more streams than fit goes on in events of its own; the picture takes what one author's
  // tombstones cover together.
  std::vector<Write> tombstones;
  for (auto& write : open_writes) {
    if (write.key.rule() != model::MergeRule::Tombstone) continue;
    for (auto& dots = write.replaced; dots.size() > model::coverage_per_event;) {
      const auto from = dots.end() - static_cast<std::ptrdiff_t>(
                                         std::min(dots.size() - model::coverage_per_event, model::coverage_per_event));
      tombstones.push_back({write.key, write.value, {from, dots.end()}});
      dots.erase(from, dots.end());
    }
  }
  model::Event event;
  event.time = clock_.next(now);
  event.quality = quality;
  event.actor = draft.actor;
  event.via = draft.via;
  event.source = model::cbor::clean_text(draft.source, model::source_max);
  event.record = draft.record;
  event.after = draft.after;
  if (draft.entity) event.entity = *draft.entity;

  const auto size_of = [](const std::vector<Write>& writes) {
    std::size_t size = 0;
    for (const auto& write : writes) {
      size += 8 + write.replaced.size() * 12;
      if (const auto* text = write.value.text()) size += text->size();
      if (const auto* bytes = write.value.bytes()) size += bytes->size();
      if (const auto* list = write.value.list()) size += list->size() * 6;
    }
    return size;
  };
  const Class cls = std::min(model::class_of(draft.record, draft.writes), model::class_of(draft.record, open_writes));
  std::vector<Write> urgent_writes, later_writes;
  if (cls == Class::Urgent) {
    for (const auto& write : open_writes) {
      const auto* field = model::find_field(draft.record, write.key);
      // A class-0 create repeats what makes it useful alone: category, place, name and whatever is required.
      const bool needed = model::class_of(draft.record, write) != Class::Routine || field->required ||
                          field->number == model::field::made_up;
      (needed ? urgent_writes : later_writes).push_back(write);
    }
  }
  const bool split =
      cls == Class::Urgent && size_of(later_writes) + size_of(private_writes) > split_over && !urgent_writes.empty();
  std::vector<AuthoredEntry> out;
  auto later = event;
  if (!split) {
    event.writes = std::move(open_writes);
    out.push_back(make_one(std::move(event), std::move(private_writes), cls, !draft.entity));
  } else {
    auto first = event;
    first.writes = std::move(urgent_writes);
    out.push_back(make_one(std::move(first), {}, cls, !draft.entity));
    auto rest_class = model::class_of(draft.record, later_writes);
    if (!private_writes.empty()) rest_class = std::min(rest_class, model::class_of(draft.record, private_writes));
    event.entity = out.front().event.entity;
    event.time = clock_.next(now);
    event.writes = std::move(later_writes);
    event.after = {out.front().entry.dot()};
    out.push_back(make_one(std::move(event), std::move(private_writes), std::max(rest_class, Class::Important), false));
  }
  for (auto& tombstone : tombstones) {
    later.entity = out.front().event.entity;
    later.time = clock_.next(now);
    later.writes = {std::move(tombstone)};
    later.after.clear();
    out.push_back(make_one(later, {}, cls, false));
  }
  for (const auto& made : out) {
    std::string why;
    if (made.entry.size() > model::event_bytes_max) {
      why = fmt::format("an event holds at most {} bytes", model::event_bytes_max);
    } else {
      why = unreadable(made);
    }
    if (why.empty()) continue;
    take_back(out);
    return failure(AuthorFault{{{"writes", std::move(why), "shorten the texts or send them one by one"}}});
  }
  return out;
}

void Author::take_back(const std::vector<AuthoredEntry>& entries) {
  for (auto it = entries.rbegin(); it != entries.rend(); ++it) {
    auto& head = heads_[static_cast<std::size_t>(it->entry.stream.cls)];
    if (head.seq != it->entry.seq) continue;
    head = it->before;
  }
}

}  // namespace airbridge::trust
