#include "api/live_batch.hpp"

#include <fmt/format.h>

#include <array>

namespace airbridge::api {
namespace {
constexpr std::array<std::string_view, 4> list_names{"entities", "tracks", "removed", "removed_tracks"};
}  // namespace

std::shared_ptr<LiveBatch> LiveBatch::whole(LiveState state, std::string epoch, std::size_t part_bytes) {
  std::shared_ptr<LiveBatch> out(new LiveBatch(std::move(state), part_bytes));
  out->is_whole_ = true;
  out->with_status_ = true;
  out->epoch_ = std::move(epoch);
  out->entities_ = out->state_.picture->entities().sorted_rows();
  out->tracks_ = out->state_.picture->tracks().sorted();
  return out;
}

std::shared_ptr<LiveBatch> LiveBatch::delta(LiveState state, const Changed& changed, std::size_t part_bytes) {
  std::shared_ptr<LiveBatch> out(new LiveBatch(std::move(state), part_bytes));
  out->from_ = changed.from;
  out->with_status_ = changed.status;
  out->server_ms_ = ms_of(changed.now);
  const auto& picture = *out->state_.picture;
  for (const auto& id : changed.entities) {
    if (const auto* row = picture.entities().find_row(id)) {
      out->entities_.push_back(row);
    } else {
      out->removed_.push_back(id);
    }
  }
  for (const auto& id : changed.tracks) {
    if (const auto* track = picture.find_track(id)) {
      out->tracks_.push_back(track);
    } else {
      out->removed_tracks_.push_back(id);
    }
  }
  return out;
}

net::SharedBytes LiveBatch::part(std::size_t index) {
  const auto begin = index == 0 ? 0 : frames_.at(index - 1).end;
  if (index > 0 && begin == items()) return nullptr;
  if (index == frames_.size()) frames_.emplace_back();
  auto& frame = frames_[index];
  if (auto made = frame.made.lock()) return made;
  auto made = make(index, begin, frame.end);
  frame.made = made;
  if (!retired_ && kept_bytes_ + made->size() <= live_kept_bytes_max) {
    frame.kept = made;
    kept_bytes_ += made->size();
  }
  return made;
}

void LiveBatch::retire() {
  retired_ = true;
  for (auto& frame : frames_) frame.kept.reset();
}

std::string LiveBatch::item(std::size_t index, std::size_t& list) const {
  const NameOf names = [roster = &state_.picture->roster()](const model::KeyId& id) { return roster->name_of(id); };
  list = 0;
  if (index < entities_.size()) {
    const auto entity = state_.picture->entities().view(*entities_[index]);
    return to_text(
        entity_json(*entity, saved_of(*entity, *state_.status, names), state_.status->incident.exercise, names));
  }
  index -= entities_.size();
  list = 1;
  if (index < tracks_.size()) return to_text(track_json(*tracks_[index], names));
  index -= tracks_.size();
  list = index < removed_.size() ? 2 : 3;
  return '"' + model::to_text(list == 2 ? removed_[index] : removed_tracks_[index - removed_.size()]) + '"';
}

net::SharedBytes LiveBatch::make(std::size_t index, std::size_t from, std::size_t& end) const {
  std::array<std::string, 4> lists;
  std::size_t bytes = 0;
  end = from;
  // At least one item, so that one record larger than a part still goes.
  while (end < items() && (end == from || bytes < part_bytes_)) {
    std::size_t list = 0;
    const auto text = item(end++, list);
    if (!lists[list].empty()) lists[list] += ',';
    lists[list] += text;
    bytes += text.size() + 1;
  }
  const bool last = end == items();
  std::string out;
  if (is_whole_) {
    out = fmt::format(R"({{"type":"snapshot","epoch":"{}","seq":{},"part":{},"more":{})", epoch_, state_.seq, index + 1,
                      !last);
  } else if (!last) {
    out = fmt::format(R"({{"type":"part","from":{})", from_);
  } else {
    out = fmt::format(R"({{"type":"delta","from":{},"seq":{},"server_ms":{})", from_, state_.seq, server_ms_);
  }
  const std::size_t shown = is_whole_ ? 2 : lists.size();
  for (std::size_t list = 0; list < shown; ++list) {
    out += fmt::format(R"(,"{}":[)", list_names[list]);
    out += lists[list];
    out += ']';
  }
  if (last && with_status_) out += R"(,"status":)" + to_text(status_json(*state_.status));
  out += '}';
  return net::websocket_text_frame(out);
}

}  // namespace airbridge::api
