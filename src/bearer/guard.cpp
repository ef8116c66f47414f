#include "bearer/guard.hpp"

#include <sodium.h>

#include <algorithm>

#include "base/hash.hpp"
#include "bearer/wire.hpp"

namespace airbridge::bearer {
namespace {
constexpr std::string_view key_context = "airbridge bearer 1";
constexpr std::string_view slot_context = "airbridge slot 1";
// Saved state: "ABb1", reserved (8), count (2), each {key id (16), start (8), counter (8)}, CRC32C of it all (4).
constexpr std::string_view state_magic = "ABb1";
constexpr std::size_t known_max = 2 * members_max;  // members of earlier days among them; the others are forgotten

Ccm::Nonce nonce_of(std::uint64_t counter) {
  Ccm::Nonce nonce{};
  for (std::size_t i = 0; i < 8; ++i) nonce[4 + i] = static_cast<std::uint8_t>(counter >> (56 - 8 * i));
  return nonce;
}

// The counter with these low 16 bits that is nearest to `around`.
std::uint64_t nearest(std::uint64_t around, std::uint16_t low) {
  const auto step = static_cast<std::int16_t>(static_cast<std::uint16_t>(low - static_cast<std::uint16_t>(around)));
  if (step < 0 && around < static_cast<std::uint64_t>(-step)) return around + static_cast<std::uint16_t>(step);
  return around + static_cast<std::uint64_t>(static_cast<std::int64_t>(step));
}
}  // namespace

std::uint8_t slot_of(const model::KeyId& node) { return blake2b<16>({as_bytes(slot_context), node.view()})[0]; }

std::string_view to_text(Refusal refusal) {
  switch (refusal) {
    case Refusal::Short:
      return "too short";
    case Refusal::Version:
      return "of another version";
    case Refusal::Type:
      return "not understood";
    case Refusal::Stranger:
      return "of a stranger";
    case Refusal::Unreadable:
      return "forged, damaged or under another key";
    case Refusal::Replayed:
      return "heard before";
    case Refusal::Old:
      return "from before";
    case Refusal::Full:
      return "no room while saving";
  }
  return "?";
}

Ccm::Key Guard::key_of(const model::KeyId& node, std::uint64_t start) const {
  Bytes text = to_bytes(as_bytes(key_context));
  text.insert(text.end(), node.value.begin(), node.value.end());
  put_uint(text, start, 8);
  Ccm::Key key;
  crypto_generichash(key.data(), key.size(), text.data(), text.size(), settings_.key.value.data(),
                     settings_.key.value.size());
  return key;
}

Guard::Guard(const Settings& settings, ByteView state)
    : settings_(settings), own_cipher_(key_of(settings.node, settings.start)), own_slot_(slot_of(settings.node)) {
  if (!state.empty()) read_state(state);
}

void Guard::read_state(ByteView state) {
  WireReader in(state);
  const ByteView magic = in.bytes(state_magic.size());
  next_ = in.uint(8);
  const std::size_t count = in.uint(2);
  for (std::size_t i = 0; i < count && !in.failed(); ++i) {
    Member member;
    if (const auto id = model::KeyId::from(in.bytes(model::KeyId::size))) member.id = *id;
    member.start = in.uint(8);
    member.highest = member.refused_to = member.saved_to = in.uint(8);
    if (settings_.planted == Planted::ReplayWindowLost) member.highest = member.refused_to = member.saved_to = 0;
    known_.push_back(std::move(member));
  }
  const std::size_t length = in.position();
  const std::uint64_t sum = in.uint(4);
  if (in.failed() || as_text(magic) != state_magic || next_ == 0 || sum != crc32c(state.first(length))) {
    state_damaged_ = true;
    next_ = 1;
    known_.clear();
  }
}

void Guard::set_members(const std::vector<model::KeyId>& ids) {
  for (auto& member : members_) known_.push_back(std::move(member));
  members_.clear();
  for (auto& slot : by_slot_) slot.clear();
  for (const auto& id : ids) {
    if (id == settings_.node || is_member(id) || members_.size() >= members_max) continue;
    const auto known = std::find_if(known_.begin(), known_.end(), [&](const Member& m) { return m.id == id; });
    if (known != known_.end()) {
      members_.push_back(std::move(*known));
      known_.erase(known);
    } else {
      members_.emplace_back().id = id;
    }
    auto& member = members_.back();
    if (!member.cipher && member.start != 0) member.cipher = std::make_unique<Ccm>(key_of(id, member.start));
    auto& slot = by_slot_[slot_of(id)];
    if (slot.size() < same_slot_max) slot.push_back(members_.size() - 1);
  }
  while (known_.size() > known_max) known_.erase(known_.begin());
}

Guard::Member* Guard::find(const model::KeyId& node) {
  const auto found = std::find_if(members_.begin(), members_.end(), [&](const Member& m) { return m.id == node; });
  return found == members_.end() ? nullptr : &*found;
}
const Guard::Member* Guard::find(const model::KeyId& node) const {
  const auto found = std::find_if(members_.begin(), members_.end(), [&](const Member& m) { return m.id == node; });
  return found == members_.end() ? nullptr : &*found;
}
bool Guard::is_member(const model::KeyId& node) const { return find(node) != nullptr; }

Bytes Guard::seal(FrameType type, std::uint8_t flags, ByteView payload) {
  const std::uint64_t counter = next_++;
  Bytes frame;
  frame.reserve(frame_overhead + long_bytes + payload.size());
  frame.push_back(static_cast<std::uint8_t>((frame_version << 6) | (static_cast<unsigned>(type) << 3) | (flags & 7U)));
  frame.push_back(own_slot_);
  put_uint(frame, counter & 0xFFFFU, 2);
  if ((flags & flag_long) != 0) {
    put_uint(frame, settings_.start, 8);
    put_uint(frame, counter >> 16, 6);
  }
  if (settings_.encrypt) {
    const Bytes head = frame;
    own_cipher_.seal(nonce_of(counter), head, payload, frame);
  } else {
    frame.insert(frame.end(), payload.begin(), payload.end());
    const Bytes associated = frame;
    own_cipher_.seal(nonce_of(counter), associated, {}, frame);
  }
  return frame;
}

bool Guard::go_above(std::uint64_t floor) {
  if (floor < next_ || floor >= counter_max) return false;
  next_ = floor + 1;
  return true;
}

Bytes payload_of(const Behind& behind) {
  Bytes out;
  put_uint(out, behind.start, 8);
  put_uint(out, behind.floor, 8);
  return out;
}
std::optional<Behind> read_behind(ByteView payload) {
  WireReader in(payload);
  Behind out;
  out.start = in.uint(8);
  out.floor = in.uint(8);
  if (in.failed() || !in.at_end()) return std::nullopt;
  return out;
}

bool Guard::open_under(Ccm& cipher, std::uint64_t counter, ByteView frame, std::size_t head, Bytes& payload) const {
  if (settings_.encrypt) return cipher.open(nonce_of(counter), frame.first(head), frame.subspan(head), payload);
  const std::size_t signed_bytes = frame.size() - tag_bytes;
  Bytes nothing;
  if (!cipher.open(nonce_of(counter), frame.first(signed_bytes), frame.subspan(signed_bytes), nothing)) return false;
  payload = to_bytes(frame.subspan(head, signed_bytes - head));
  return true;
}

Refusal Guard::judge(Member& member, std::uint64_t counter, bool new_start) {
  // Counters of a new start lie above all earlier ones; what does not is an old start played again, or a restored one.
  if (counter <= member.refused_to || (new_start && counter <= member.highest)) return Refusal::Old;
  if (counter + replay_window <= member.highest) return Refusal::Old;
  return Refusal::Replayed;
}

void Guard::take(Member& member, std::uint64_t counter) {
  if (counter > member.highest) {
    const std::uint64_t steps = std::min<std::uint64_t>(counter - member.highest, replay_window);
    for (std::uint64_t i = 0; i < steps; ++i) member.taken.reset((counter - i) % replay_window);
    member.highest = counter;
  }
  member.taken.set(counter % replay_window);
  member.heard = true;
}

Result<Opened, Refusal> Guard::open(ByteView frame) {
  if (frame.size() < frame_overhead) return failure(Refusal::Short);
  if ((frame[0] >> 6) != frame_version) return failure(Refusal::Version);
  Opened out;
  out.type = static_cast<FrameType>((frame[0] >> 3) & 7U);
  out.flags = frame[0] & 7U;
  const bool is_long = (out.flags & flag_long) != 0;
  const std::size_t head = header_bytes + (is_long ? long_bytes : 0);
  if (frame.size() < head + tag_bytes) return failure(Refusal::Short);
  const auto& candidates = by_slot_[frame[1]];
  if (candidates.empty()) return failure(Refusal::Stranger);

  WireReader in(frame.subspan(2));
  const auto low = static_cast<std::uint16_t>(in.uint(2));
  const std::uint64_t start = is_long ? in.uint(8) : 0;
  const std::uint64_t high = is_long ? in.uint(6) : 0;
  for (const auto index : candidates) {
    Member& member = members_[index];
    const bool new_start = is_long && (start != member.start || !member.cipher);
    if (!is_long && !member.cipher) continue;
    if (is_long && start == 0) continue;
    const std::uint64_t counter = is_long ? (high << 16 | low) : nearest(member.highest, low);
    if (counter == 0 || counter >= counter_max) continue;
    std::unique_ptr<Ccm> fresh;
    if (new_start) fresh = std::make_unique<Ccm>(key_of(member.id, start));
    if (!open_under(new_start ? *fresh : *member.cipher, counter, frame, head, out.payload)) continue;

    const bool is_fresh =
        counter > member.highest || (!new_start && counter + replay_window > member.highest &&
                                     counter > member.refused_to && !member.taken.test(counter % replay_window));
    if (!is_fresh) {
      // Who names our start heard us since it began, so this is no old frame played again, whatever its counter: two
      // that are both behind would else refuse each other's word for it.
      const auto told = read_behind(out.payload);
      if (out.type == FrameType::Behind && told && told->start == settings_.start)
        told_ = {member.id, told->start, told->floor};
      const Refusal refusal = judge(member, counter, new_start);
      if (refusal == Refusal::Old) {
        behind_ = Behind{member.id, new_start ? start : member.start, std::max(member.highest, member.refused_to)};
      }
      return failure(refusal);
    }
    if (new_start) {
      member.start = start;
      member.cipher = std::move(fresh);
    }
    out.new_start = new_start || !member.heard;
    take(member, counter);
    out.sender = member.id;
    out.counter = counter;
    out.start = member.start;
    out.durable = counter <= member.saved_to;
    return out;
  }
  return failure(Refusal::Unreadable);
}

bool Guard::is_durable(const model::KeyId& sender, std::uint64_t counter) const {
  const auto* const member = find(sender);
  return member != nullptr && counter <= member->saved_to;
}

bool Guard::reaches_too_far(const Member& member) const {
  return settings_.one_way && member.heard && member.saved_to > member.highest + ahead_min();
}

std::optional<SteadyTime> Guard::next_save() const {
  if (saving_ || std::ranges::none_of(members_, [&](const Member& member) { return reaches_too_far(member); }))
    return std::nullopt;
  return last_save_ + quiet();
}

bool Guard::wants_save(Now now) const {
  if (saving_) return false;
  if (const auto due = next_save(); due && *due <= now.steady) return true;
  if (next_ + ahead_ / 2 > reserved_) return true;
  return std::any_of(members_.begin(), members_.end(), [&](const Member& member) {
    return member.heard && member.highest + ahead_ / 2 > member.saved_to;
  });
}

Bytes Guard::take_state(Now now) {
  if (last_save_ != SteadyTime{}) {
    const auto pause = now.steady - last_save_;
    if (pause < (settings_.one_way ? save_pause_one_way : save_pause)) ahead_ = std::min(ahead_ * 2, save_ahead_max);
    if (pause >= quiet()) ahead_ = settings_.one_way ? ahead_min() : std::max(ahead_ / 2, ahead_min());
  }
  last_save_ = now.steady;
  saving_ = true;
  reserving_ = std::max(reserved_, next_ + ahead_);

  Bytes state = to_bytes(as_bytes(state_magic));
  put_uint(state, reserving_, 8);
  std::size_t count = 0;
  Bytes rows;
  const auto put = [&](const Member& member) {
    if (member.start == 0 && member.saving_to == 0) return;
    rows.insert(rows.end(), member.id.value.begin(), member.id.value.end());
    put_uint(rows, member.start, 8);
    put_uint(rows, member.saving_to, 8);
    ++count;
  };
  for (auto& member : members_) {
    // Where it comes to reach less far, what lies beyond is not durable from here on.
    if (reaches_too_far(member)) member.saved_to = std::min(member.saved_to, member.highest + ahead_);
    member.saving_to = member.heard ? std::max(member.saved_to, member.highest + ahead_) : member.saved_to;
    put(member);
  }
  for (auto& member : known_) {
    member.saving_to = std::max(member.saved_to, member.highest);
    put(member);
  }
  put_uint(state, count, 2);
  state.insert(state.end(), rows.begin(), rows.end());
  put_uint(state, crc32c(state), 4);
  return state;
}

void Guard::saved() {
  if (!saving_) return;
  saving_ = false;
  reserved_ = reserving_;
  for (auto& member : members_) member.saved_to = std::max(member.saved_to, member.saving_to);
  for (auto& member : known_) member.saved_to = std::max(member.saved_to, member.saving_to);
}

}  // namespace airbridge::bearer
