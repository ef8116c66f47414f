// A channel on which nobody answers: everything goes to all, from what the source last knew.
#include <algorithm>

#include "bearer/channel.hpp"

namespace airbridge::bearer {
namespace {
constexpr std::size_t frames_per_run_max = 64;
constexpr std::uint64_t long_frame_every = 4;  // who has just come within range can read from there on
constexpr std::size_t repair_head_bytes = 8;
}  // namespace

std::size_t Channel::one_way_cut() const { return data_room() - long_bytes - repair_head_bytes; }

void Channel::pull_for_all(bool& wanted, Wanted what, Now now) {
  if (!wanted) return;
  auto items = source_.pull(model::KeyId{}, profile_.burst_frames * one_way_cut(), what, now);
  if (items.empty()) wanted = false;
  queue_items(nullptr, std::move(items), now);
}

void Channel::run_one_way(Now now) {
  blocked_ = true;
  for (std::size_t frames = 0; frames < frames_per_run_max && is_ready(now); ++frames) {
    if (!one_way_.has_urgent()) pull_for_all(want_all_urgent_, Wanted::Urgent, now);
    if (!one_way_.has_to_send()) pull_for_all(want_all_, Wanted::Everything, now);
    one_way_.repeat(now.steady);
    if (!duty_allows(one_way_.has_urgent(), now)) return;
    pull_values(profile_.mtu - frame_overhead - long_bytes, now);
    if (now.steady >= next_beacon_) {
      send_beacon(now);
    } else if (!values_.empty() && (value_credit_ >= 0 || !one_way_.has_to_send())) {
      value_credit_ = -3;  // three frames of messages before the next one of last values
      send_values(now);
    } else if (const auto payload = one_way_.next()) {
      value_credit_ = std::min<std::int64_t>(value_credit_ + 1, 0);
      const unsigned flags = guard_.next_counter() % long_frame_every == 0 ? flag_long : 0U;
      emit(FrameType::Data, static_cast<std::uint8_t>(flags), *payload, now);
    } else {
      blocked_ = false;
      return;
    }
  }
}

}  // namespace airbridge::bearer
