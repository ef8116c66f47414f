// What was heard: frames opened, sessions, fragments, acknowledgements.
#include <algorithm>

#include "bearer/channel.hpp"

namespace airbridge::bearer {
namespace {
constexpr std::size_t fragments_before_ack = 12;  // on full duplex
constexpr double loss_weight = 0.05;
constexpr std::uint64_t reorder_slack = 3;  // frames that may overtake before one counts as lost

// The counter with these low bits at or below `newest`.
std::uint64_t at_most(std::uint64_t newest, std::uint16_t low) {
  return newest - static_cast<std::uint16_t>(static_cast<std::uint16_t>(newest) - low);
}
}  // namespace

void Channel::receive(ByteView frame, Now now) {
  use_.heard(frame.size(), now.steady);
  auto opened = guard_.open(frame);
  if (!opened) {
    refuse(opened.error());
    if (const auto behind = guard_.take_behind(); behind && !profile_.one_way) {
      auto& told = told_behind_[behind->sender];
      if ((told == SteadyTime{} || now.steady - told >= behind_pause) && control_.size() < neighbours_max) {
        told = now.steady;
        control_.push_back({FrameType::Behind, payload_of(*behind)});
      }
    }
    if (const auto told = guard_.take_told()) on_behind(*told);
  } else if (opened->durable) {
    take(std::move(*opened), frame.size(), now);
  } else if (held_.size() < held_frames_max) {
    held_.push_back({std::move(*opened), frame.size()});
  } else {
    refuse(Refusal::Full);
  }
  run(now);
}

void Channel::take(Opened opened, std::size_t frame_bytes, Now now) {
  auto* const n = heard_from(opened, now);
  if (n == nullptr) return;
  ++stats_.frames_received;
  stats_.bytes_received += frame_bytes;
  ++n->stats.frames_received;
  n->stats.bytes_received += frame_bytes;
  switch (opened.type) {
    case FrameType::Beacon: {
      const auto digest = Digest8::from(opened.payload);
      if (!digest) return refuse(Refusal::Type);
      turns_.heard_other(now.steady);
      return heard_digest(*n, *digest);
    }
    case FrameType::Data:
      return on_data(*n, opened, now);
    case FrameType::LastValue: {
      turns_.heard_other(now.steady);
      const auto values = parse_last_values(opened.payload, (opened.flags & flag_many) != 0);
      if (!values) return refuse(Refusal::Type);
      return deliver_values(n->id, *values);
    }
    case FrameType::Behind: {
      auto told = read_behind(opened.payload);
      if (!told) return refuse(Refusal::Type);
      told->sender = n->id;
      return on_behind(*told);
    }
  }
  refuse(Refusal::Type);
}

void Channel::heard_digest(Neighbour& n, const Digest8& digest) {
  n.digest = digest;
  outputs_.push_back(DigestHeard{n.id, digest});
}

void Channel::on_behind(const Behind& told) {
  if (told.start != guard_.start()) return;  // of another node, or of an earlier start
  const std::uint64_t before = guard_.next_counter();
  if (!guard_.go_above(told.floor)) return;
  outputs_.push_back(StateWasOld{told.sender, guard_.next_counter() - before});
  for (auto& [id, n] : neighbours_) n.knows_us = false;
  long_beacons_ = long_beacons_after_meeting;
  next_beacon_ = {};
}

void Channel::on_data(Neighbour& n, const Opened& opened, Now now) {
  const auto data = parse_data(opened.payload);
  if (!data) return refuse(Refusal::Type);
  bool for_us = false, answers_us = true;
  for (const auto& part : data->parts) {
    const auto* const open = std::get_if<OpenPart>(&part);
    if (open == nullptr || open->start != guard_.start()) continue;
    if (data->tag != tag_of(n.id, n.start, node_, guard_.start(), open->salt)) continue;
    if (!follow_session(n, *open, data->tag, opened.counter)) continue;
    for_us = true;
    // It follows no session of ours, or one that is over: what it acknowledges is of that one, and it must be told of
    // this one still, or again.
    answers_us = open->heard == n.salt;
    if (!answers_us && opened.counter >= n.highest) n.confirmed = false;
    n.knows_us = true;
    n.owes_ack = true;
  }
  if (n.synced && data->tag == n.tag_in && opened.counter >= n.session_from) for_us = true;
  if (!for_us && !n.synced && !profile_.half_duplex && is_session_to_us(n, data->tag)) n.owes_open = true;
  n.more = data->more;
  if (data->grant && for_us) turn_from_ = n.id;
  turns_.heard(data->remaining, data->grant && for_us, data->grant && !for_us, data->open, now.steady);
  if (data->grant && data->remaining == 0) n.last_turn = now.steady;

  if (for_us) n.highest = std::max(n.highest, opened.counter);
  for (const auto& part : data->parts) {
    if (const auto* const value = std::get_if<ValuePart>(&part)) {
      deliver_values(n.id, {value->bytes});
    } else if (const auto* const digest = std::get_if<DigestPart>(&part)) {
      heard_digest(n, digest->digest);
    } else if (!for_us) {
      overhear(n, data->tag, part);
    } else if (const auto* const ack = std::get_if<AckPart>(&part)) {
      if (answers_us) on_ack(n, *ack, now);
    } else if (const auto* const fragment = std::get_if<FragmentPart>(&part)) {
      auto& inbox = fragment->urgent ? n.urgent_in : n.bulk_in;
      if (!inbox.take(*fragment)) ++n.stats.fragments_duplicate;
      n.owes_ack = true;
      ++n.unacked_in;
      const bool at_once = fragment->urgent || n.unacked_in >= fragments_before_ack;
      const auto delay =
          at_once ? Milliseconds(0)
                  : std::clamp(n.round_trip.value_or(Milliseconds(80)) / 8, Milliseconds(5), Milliseconds(100));
      n.ack_at = std::min(n.ack_at.value_or(SteadyTime::max()), now.steady + delay);
      deliver_blocks(n, inbox.take_blocks(), false);
    }
  }
}

// Of a session between the present starts, whatever its salt: they have not heard yet that we lost it.
bool Channel::is_session_to_us(const Neighbour& n, std::uint16_t tag) const {
  for (unsigned salt = 1; salt <= 255; ++salt) {
    if (tag == tag_of(n.id, n.start, node_, guard_.start(), static_cast<std::uint8_t>(salt))) return true;
  }
  return false;
}

// What others are told is heard here too; whole blocks of it are as good as sent to us.
void Channel::overhear(Neighbour& n, std::uint16_t tag, const Part& part) {
  std::optional<WholeBlock> block;
  if (const auto* const fragment = std::get_if<FragmentPart>(&part)) block = n.overheard.take(tag, *fragment);
  if (const auto* const repair = std::get_if<RepairPart>(&part)) block = n.overheard.take(tag, *repair);
  if (!block) return;
  std::vector<WholeBlock> blocks;
  blocks.push_back(std::move(*block));
  deliver_blocks(n, std::move(blocks), true);
}

void Channel::on_ack(Neighbour& n, const AckPart& ack, Now now) {
  n.knows_us = true;
  n.confirmed = true;
  n.backoff = 0;
  n.answered = now.steady;
  const std::uint64_t heard = at_most(guard_.last_counter(), ack.highest);
  // On half duplex they speak when our burst is over: what they lack of it is lost, the last frames included.
  const std::uint64_t lost_before =
      profile_.half_duplex ? guard_.next_counter() : heard - std::min(heard, reorder_slack);
  std::size_t acked = 0, lost = 0;
  const auto apply = [&](Outbox& box, const std::optional<Received>& received) {
    // Of a sub-channel of which they heard nothing they say nothing.
    const auto progress = box.acknowledged(received.value_or(Received{}), lost_before);
    acked += progress.newly_acked;
    lost += progress.newly_lost;
  };
  apply(n.bulk, ack.bulk);
  apply(n.urgent, ack.urgent);
  for (std::size_t i = 0; i < acked; ++i) n.stats.loss *= 1 - loss_weight;
  for (std::size_t i = 0; i < lost; ++i) n.stats.loss += loss_weight * (1 - n.stats.loss);
  if (profile_.half_duplex) return;

  // Of the newest frame they heard, not of a fragment: each repeat has a frame of its own, so that a trip that is
  // longer than the time until a repeat is found too (RFC 9002 section 5, in place of Karn's algorithm).
  const auto sent = acked > 0 && heard > n.newest_heard ? sent_at(heard) : std::nullopt;
  n.newest_heard = std::max(n.newest_heard, heard);
  if (sent) {  // RFC 6298 section 2
    const auto trip = std::chrono::duration_cast<Milliseconds>(now.steady - *sent);
    if (!n.round_trip) {
      n.round_trip = trip;
      n.round_trip_spread = trip / 2;
    } else {
      const auto off = trip > *n.round_trip ? trip - *n.round_trip : *n.round_trip - trip;
      n.round_trip_spread = (3 * n.round_trip_spread + off) / 4;
      n.round_trip = (7 * *n.round_trip + trip) / 8;
    }
  }
  if (profile_.rate_bps != 0) return;  // paced: what is lost is not lost by crowding
  // Doubling each trip until something was lost, then one more a trip; a third less when the way is crowded (RFC 5681).
  if (n.flight_max < n.flight_calm) {
    n.flight_max += acked;
  } else {
    n.flight_acked += acked;
    if (n.flight_acked >= n.flight_max) {
      n.flight_acked = 0;
      ++n.flight_max;
    }
  }
  n.flight_max = std::min(n.flight_max, window_timers);
  if (lost > 0 && now.steady - n.slowed_at > n.round_trip.value_or(Milliseconds(100))) slow_down(n, 0.7, now);
}

void Channel::slow_down(Neighbour& n, double factor, Now now) {
  n.flight_max =
      std::max<std::size_t>(static_cast<std::size_t>(factor * static_cast<double>(n.flight_max)), flight_min);
  n.flight_calm = n.flight_max;
  n.flight_acked = 0;
  n.slowed_at = now.steady;
}

void Channel::deliver_blocks(Neighbour& n, std::vector<WholeBlock> blocks, bool overheard) {
  for (auto& block : blocks) {
    std::optional<Bytes> plain =
        block.squeezed ? squeezer_.decompress(block.bytes, block_bytes_max) : std::move(block.bytes);
    const auto messages = plain ? parse_block(*plain) : std::nullopt;
    if (!messages) {
      ++stats_.blocks_refused;
      continue;
    }
    for (const auto message : *messages) outputs_.push_back(Deliver{n.id, to_bytes(message), overheard, true});
  }
}

void Channel::deliver_values(const model::KeyId& node, const std::vector<ByteView>& values) {
  for (const auto value : values) outputs_.push_back(Deliver{node, to_bytes(value), false, false});
}

}  // namespace airbridge::bearer
