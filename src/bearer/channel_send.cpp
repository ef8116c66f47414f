// What goes into a frame: acknowledgements, urgent fragments and their copies, what was lost, last values, new blocks.
#include <algorithm>

#include "bearer/channel.hpp"
#include "bearer/wire.hpp"

namespace airbridge::bearer {
namespace {
constexpr std::uint64_t long_beacon_every = 8;
constexpr std::uint64_t long_beacon_every_known = 32;  // once all neighbours know our start; never when all members do
constexpr Milliseconds first_pause{3'000};
constexpr int intervals_alone = 5;  // so many times as often speaks who hears nobody
constexpr Milliseconds pause_alone_min{5'000};
constexpr std::int64_t channel_percent_alone = 4;  // of the channel, keying up included
constexpr std::size_t part_worth_adding = 32;      // no further part is begun in less room
constexpr std::size_t bitmap_bytes_turns = window_turns / 8;
constexpr std::size_t bitmap_bytes_timers = 64;
constexpr Milliseconds late_max{50};  // so late a caller may be without losing rate
}  // namespace

bool Channel::is_ready(Now now) const {
  if (!guard_.can_seal() || now.steady < duty_wait_) return false;
  if (caller_reports_ && outstanding_ >= outstanding_max) return false;
  return SteadyTime(std::chrono::floor<Milliseconds>(busy_until_)) <= now.steady + frame_lead();
}

void Channel::emit(FrameType type, std::uint8_t flags, ByteView payload, Now now) {
  if (long_frames_ > 0) {
    --long_frames_;
    if (payload.size() + frame_overhead + long_bytes <= profile_.mtu) flags |= flag_long;
  }
  Bytes frame = guard_.seal(type, flags, payload);
  if (!profile_.half_duplex && !profile_.one_way) {
    sent_times_.resize(sent_times_max);
    sent_times_[guard_.last_counter() % sent_times_max] = {guard_.last_counter(), now.steady};
  }
  const auto airtime = use_.airtime(frame.size());
  const Microseconds at = now.steady.time_since_epoch();
  if (profile_.half_duplex && busy_until_ < at) {
    busy_until_ = at + profile_.turn_round;
  } else {
    busy_until_ = std::max<Microseconds>(busy_until_, at - late_max);
  }
  busy_until_ += airtime;
  use_.sent(airtime, now.steady);
  ++outstanding_;
  ++stats_.frames_sent;
  stats_.bytes_sent += frame.size();
  outputs_.push_back(Transmit{std::move(frame), std::chrono::ceil<Milliseconds>(airtime)});
}

// Nothing when it was not among the last sent_times_max.
std::optional<SteadyTime> Channel::sent_at(std::uint64_t counter) const {
  if (sent_times_.empty()) return std::nullopt;
  const auto& sent = sent_times_[counter % sent_times_max];
  return sent.counter == counter && counter != 0 ? std::optional(sent.at) : std::nullopt;
}

// Who was heard newly may not know our start yet, and others may have come within range unheard.
bool Channel::wants_long_header() const {
  if (profile_.one_way || neighbours_.empty() || long_beacons_ > 0) return true;
  const bool known = std::ranges::all_of(neighbours_, [](const auto& row) { return row.second.knows_us; });
  if (known && neighbours_.size() == guard_.members()) return false;
  return beacons_ % (known ? long_beacon_every_known : long_beacon_every) == 0;
}

// Nobody is known, or nobody was heard for longer than beacons are apart.
bool Channel::is_alone(Now now) const {
  return std::all_of(neighbours_.begin(), neighbours_.end(),
                     [&](const auto& row) { return row.second.last_heard + profile_.interval * 5 / 4 < now.steady; });
}

// Between the beacons of a station that hears nobody: whoever comes into range is found soon, for little of the
// channel, of the duty cycle and of nobody's money.
Milliseconds Channel::pause_alone() const {
  if (profile_.cost > 0 || profile_.one_way) return profile_.interval;
  const auto airtime = use_.airtime(frame_overhead + long_bytes + Digest8::size) + profile_.turn_round;
  auto pause = std::max(profile_.interval / intervals_alone, Milliseconds(pause_alone_min));
  pause = std::max(pause, std::chrono::ceil<Milliseconds>(airtime * 100 / channel_percent_alone));
  if (profile_.duty_cycle > 0 && profile_.duty_cycle < 1) {
    const auto own = std::chrono::duration<double, std::micro>(airtime) / (profile_.duty_cycle / 10);
    pause = std::max(pause, std::min(profile_.interval, std::chrono::ceil<Milliseconds>(own)));
  }
  return std::min(pause, profile_.interval);
}

void Channel::send_beacon(Now now) {
  // While nobody was heard the first ones come close together: they may have met another's.
  const bool alone = is_alone(now);
  const auto eager = first_pause * (std::int64_t{1} << std::min<std::uint64_t>(beacons_, 10));
  const auto pause = (alone ? std::min(eager, pause_alone()) : profile_.interval).count();
  next_beacon_ = now.steady + Milliseconds(pause + rng_.between(-pause / 10, alone ? pause / 2 : pause / 10));
  const Digest8 digest = source_.digest();
  const auto flags = static_cast<std::uint8_t>(wants_long_header() ? flag_long : 0U);
  ++beacons_;
  if (long_beacons_ > 0 && !neighbours_.empty()) --long_beacons_;
  emit(FrameType::Beacon, flags, digest.view(), now);
}

void Channel::send_control(Now now) {
  const Control control = std::move(control_.front());
  control_.pop_front();
  emit(control.type, flag_long, control.payload, now);
}

void Channel::send_values(Now now) {
  // Where nobody answers, who has not heard our beacon yet reads it all the same.
  const unsigned flags = profile_.one_way || neighbours_.empty() ? flag_long : 0U;
  const std::size_t room = profile_.mtu - frame_overhead - (flags != 0 ? long_bytes : 0);
  if (values_.size() == 1 || values_[1].size() + values_[0].size() + 4 > room) {
    const Bytes value = std::move(values_.front());
    value_queue_bytes_ -= value.size();
    values_.pop_front();
    return emit(FrameType::LastValue, static_cast<std::uint8_t>(flags), value, now);
  }
  Bytes payload;
  while (!values_.empty() && payload.size() + values_.front().size() + length_bytes(values_.front().size()) <= room) {
    put_message(payload, values_.front());
    value_queue_bytes_ -= values_.front().size();
    values_.pop_front();
  }
  emit(FrameType::LastValue, static_cast<std::uint8_t>(flags | flag_many), payload, now);
}

AckPart Channel::ack_for(const Neighbour& n) const {
  AckPart ack;
  const std::size_t bitmap = profile_.half_duplex ? bitmap_bytes_turns : bitmap_bytes_timers;
  ack.highest = static_cast<std::uint16_t>(n.highest);
  if (n.bulk_in.has_heard()) ack.bulk = n.bulk_in.received(bitmap);
  if (n.urgent_in.has_heard()) ack.urgent = n.urgent_in.received(bitmap);
  return ack;
}

std::size_t Channel::frames_for(const Neighbour& n) const {
  const std::size_t bytes = n.urgent.bytes_to_send() + n.bulk.bytes_to_send();
  return (bytes + data_room() - fragment_head_bytes - 1) / (data_room() - fragment_head_bytes);
}

std::size_t Channel::frames_after_this(Now now) const {
  std::size_t frames = control_.size() + (now.steady >= next_beacon_ ? 1 : 0);
  for (const auto& [id, n] : neighbours_) {
    if (!may_send_to(n, now)) continue;
    if (n.want_urgent) return burst_frames_max;  // more than was looked at
    frames += frames_for(n);
    if (frames_for(n) == 0 && (n.owes_ack || !n.copies.empty())) ++frames;
  }
  return frames;
}

// The block as it goes, and whether it is compressed.
std::pair<Bytes, bool> Channel::squeezed(Neighbour* n, const Bytes& block) const {
  Bytes smaller = squeezer_.compress(block);
  const bool helps = smaller.size() < block.size();
  if (n != nullptr) {
    const double ratio = helps ? static_cast<double>(block.size()) / static_cast<double>(smaller.size()) : 1.0;
    n->squeeze_ratio = 0.5 * n->squeeze_ratio + 0.5 * std::clamp(ratio, 1.0, 4.0);
  }
  return {helps ? std::move(smaller) : block, helps};
}

void Channel::queue_items(Neighbour* n, std::vector<Item> items, Now now) {
  Bytes blocks[2];  // bulk, urgent
  const auto close = [&](bool urgent) {
    if (blocks[urgent].empty()) return;
    auto [bytes, is_squeezed] = squeezed(n, blocks[urgent]);
    blocks[urgent].clear();
    if (n == nullptr) {
      one_way_.add_block(bytes, is_squeezed, urgent, one_way_cut(), profile_.repair_percent, now.steady);
    } else {
      (urgent ? n->urgent : n->bulk).add_block(std::move(bytes), is_squeezed);
    }
  };
  const auto put = [&](bool urgent, const Bytes& message) {
    // A block is delivered when all of it is there, so urgent ones are small: one lost frame holds back little.
    const auto most = urgent ? std::min(block_bytes_max, urgent_block_frames * profile_.mtu) : block_bytes_max;
    if (!blocks[urgent].empty() && blocks[urgent].size() + message.size() + 3 > most) close(urgent);
    put_message(blocks[urgent], message);
  };
  for (auto& item : items) {
    if (item.bytes.empty()) continue;
    if (!item.reliable) {
      if (item.bytes.size() + frame_overhead > profile_.mtu) {
        ++stats_.messages_too_long;
        continue;
      }
      value_queue_bytes_ += item.bytes.size();
      values_.push_back(std::move(item.bytes));
      while (values_.size() > volatile_queue_max || value_queue_bytes_ > volatile_queue_bytes_max) {
        value_queue_bytes_ -= values_.front().size();
        values_.pop_front();
      }
    } else if (item.bytes.size() > message_bytes_max) {
      ++stats_.messages_too_long;
    } else if (n != nullptr || profile_.one_way) {
      put(item.urgent, item.bytes);
    }
  }
  close(true);
  close(false);
}

// Nothing while `enough` waits already; else up to `room`.
void Channel::pull_urgent(Neighbour& n, std::size_t enough, std::size_t room, Now now) {
  if (!n.want_urgent || n.urgent.waiting_bytes() > outbox_bytes_max) return;
  const std::size_t unsent = n.urgent.bytes_to_send();
  if (unsent >= enough) return;
  auto items = source_.pull(n.id, static_cast<std::size_t>(static_cast<double>(room - unsent) * n.squeeze_ratio),
                            Wanted::Urgent, now);
  if (items.empty()) n.want_urgent = false;
  queue_items(&n, std::move(items), now);
}

void Channel::pull_bulk(Neighbour& n, std::size_t room, Now now) {
  if (!n.want_bulk || n.bulk.waiting_bytes() > outbox_bytes_max) return;
  const std::size_t unsent = n.bulk.bytes_to_send();
  if (unsent >= room) return;
  auto items = source_.pull(n.id, static_cast<std::size_t>(static_cast<double>(room - unsent) * n.squeeze_ratio),
                            Wanted::Everything, now);
  if (items.empty()) n.want_bulk = false;
  queue_items(&n, std::move(items), now);
}

void Channel::pull_values(std::size_t room, Now now) {
  if (!want_values_ || value_queue_bytes_ >= room) return;
  auto items = source_.pull(model::KeyId{}, room - value_queue_bytes_, Wanted::LastValues, now);
  if (items.empty()) want_values_ = false;
  queue_items(nullptr, std::move(items), now);
}

// Appends parts until the room is used or nothing fits. Each fragment gets the rest of the frame when no further part
// would be worth adding behind it, else its length.
void Channel::fill(Bytes& parts, std::size_t room, Neighbour& n, Now now) {
  const std::uint64_t counter = guard_.next_counter();
  const auto left = [&] { return room - std::min(room, parts.size()); };
  const auto put = [&](const Outbox::Fragment& fragment, bool urgent) {
    const bool again = fragment.sends > 1;
    ++n.stats.fragments_sent;
    if (again) ++n.stats.fragments_again;
    FragmentPart part;
    part.urgent = urgent;
    part.first = fragment.first;
    part.last = fragment.last;
    part.squeezed = fragment.squeezed;
    part.seq = static_cast<std::uint16_t>(fragment.seq);
    part.bytes = fragment.bytes;
    const std::size_t with_length = fragment_head_bytes + length_bytes(part.bytes.size()) + part.bytes.size();
    const bool to_end = with_length + part_worth_adding > left();
    put_part(parts, part, to_end);
    return !to_end;
  };
  const auto data_left = [&] { return left() < fragment_head_bytes ? 0 : left() - fragment_head_bytes; };

  for (auto copy = n.copies.begin(); copy != n.copies.end();) {
    if (copy->not_before > counter) {
      ++copy;
      continue;
    }
    const auto* const fragment = n.urgent.copy(copy->seq, data_left(), counter, now.steady);
    copy = n.copies.erase(copy);
    if (fragment != nullptr && !put(*fragment, true)) return;
  }
  while (burst_ || n.urgent.in_flight() < flight_limit(n, true)) {
    const auto* const fragment = n.urgent.take(data_left(), counter, now.steady);
    if (fragment == nullptr) break;
    if (burst_ && burst_->copies && burst_->left > 2) n.copies.push_back({fragment->seq, counter + 2});
    if (!put(*fragment, true)) return;
  }
  if (burst_) {
    while (!values_.empty() && values_.front().size() + 3 <= std::min(left(), burst_->value_bytes)) {
      burst_->value_bytes -= values_.front().size() + 3;
      put_part(parts, ValuePart{values_.front()}, false);
      value_queue_bytes_ -= values_.front().size();
      values_.pop_front();
    }
    if (left() < part_worth_adding) return;
  }
  while (burst_ || n.bulk.in_flight() < flight_limit(n, false)) {
    const auto* const fragment = n.bulk.take(data_left(), counter, now.steady);
    if (fragment == nullptr || !put(*fragment, false)) return;
  }
}

void Channel::send_data(Neighbour& n, bool with_ack, Now now) {
  unsigned flags = n.knows_us ? 0U : flag_long;
  const std::size_t room = data_room() - ((flags & flag_long) != 0 || long_frames_ > 0 ? long_bytes : 0);
  Bytes parts;
  n.owes_open = false;
  if (!n.confirmed) put_part(parts, OpenPart{n.start, n.salt, n.synced ? n.salt_in : std::uint8_t{0}});
  // One more than owed may stand in the way of a fragment that was cut for a whole frame.
  const bool has_room = n.owes_ack || !(n.urgent.has_lost() || n.bulk.has_lost());
  if (with_ack && has_room && n.synced) {
    const auto ack = ack_for(n);
    // A fragment cut for a whole frame must get through some time, although something is always owed: then every second
    // frame goes without.
    const auto again = std::max(n.urgent.next_lost_bytes(), n.bulk.next_lost_bytes());
    const bool is_in_the_way = again > 0 && parts.size() + size_of(ack) + fragment_head_bytes + again > room;
    n.left_ack_out = is_in_the_way && !n.left_ack_out;
    if (!n.left_ack_out && parts.size() + size_of(ack) <= room) {
      put_part(parts, ack);
      n.owes_ack = false;
      n.unacked_in = 0;
      n.ack_at.reset();
    }
  }
  fill(parts, room, n, now);

  std::size_t remaining = 0;
  bool grant = false, more = false;
  if (burst_) {
    grant = burst_->hand_to == n.id;
    if (grant) burst_->handed = true;
    pull_for_burst(burst_->left - 1, burst_->hurried, now);
    const std::size_t wanted = frames_after_this(now);
    const bool hand_over_first = burst_->hand_to && !burst_->handed;
    // What is not urgent here does not keep waiting what is so there.
    const bool ends = burst_->hurried && !is_urgent_here(now) && n.copies.empty();
    remaining = std::min(burst_->left - 1, std::max<std::size_t>(ends ? 0 : wanted, hand_over_first ? 1 : 0));
    more = wanted > remaining || n.want_bulk || n.want_urgent;
    burst_->left = remaining;
    if (leaves_urgent(remaining, now)) flags |= flag_hurry;
  }
  Bytes payload;
  put_data_head(payload, n.tag_out, static_cast<std::uint8_t>(remaining), more, grant, burst_ && burst_->open);
  payload.insert(payload.end(), parts.begin(), parts.end());
  ++n.stats.frames_sent;
  n.stats.bytes_sent += payload.size() + frame_overhead + ((flags & flag_long) != 0 ? long_bytes : 0);
  emit(FrameType::Data, static_cast<std::uint8_t>(flags), payload, now);
}

}  // namespace airbridge::bearer
