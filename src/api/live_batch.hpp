#pragma once
// What one or more pages are sent to come to a numbered state: the whole picture, or what changed since a number, as
// WebSocket frames of a bounded size. Loop thread only.
//
// Problem: a picture of 100,000 tracks is 60 MB of JSON. In one message it stops the loop for a second, needs a send
// queue as large as itself for each page, and a page hears nothing until all of it has come. The idea: keep what is to
// be told (the pictures are immutable, so holding one is enough) and make the next part only when the page has room
// for it. Parts made for one page are there for the next, as long as the hub still gives the batch to new ones.
#include <memory>
#include <string>
#include <vector>

#include "api/picture_json.hpp"
#include "net/websocket_session.hpp"
#include "picture/picture.hpp"

namespace airbridge::api {

inline constexpr std::size_t live_kept_bytes_max = std::size_t{16} << 20;  // of made frames, of one batch

// The picture and the status that belong together under one number.
struct LiveState {
  std::uint64_t seq = 0;
  std::shared_ptr<const picture::Picture> picture;
  std::shared_ptr<const Status> status;
};

class LiveBatch {
 public:
  // All of it. Each part is {"type":"snapshot","epoch","seq","part":1..,"more":true,"entities":[],"tracks":[]}; the
  // last one has "more":false and the status.
  static std::shared_ptr<LiveBatch> whole(LiveState state, std::string epoch, std::size_t part_bytes);

  struct Changed {
    std::uint64_t from = 0;
    std::vector<model::EntityId> entities, tracks;  // changed or removed: the picture says which
    bool status = false;
    UtcTime now{};
  };
  // {"type":"part","from",...} as often as needed, then {"type":"delta","from","seq","server_ms",...,"status"?}.
  static std::shared_ptr<LiveBatch> delta(LiveState state, const Changed& changed, std::size_t part_bytes);

  std::uint64_t seq() const { return state_.seq; }
  // The frame number `index`; null behind the last one. Ask in order: 0, 1, ...
  net::SharedBytes part(std::size_t index);
  // No new page will ask: made frames live on only while a page is being sent them. Until then up to 16 MiB are kept.
  void retire();

 private:
  LiveBatch(LiveState state, std::size_t part_bytes) : state_(std::move(state)), part_bytes_(part_bytes) {}
  std::size_t items() const { return entities_.size() + tracks_.size() + removed_.size() + removed_tracks_.size(); }
  net::SharedBytes make(std::size_t index, std::size_t from, std::size_t& end) const;
  std::string item(std::size_t index, std::size_t& list) const;

  struct Frame {
    std::size_t end = 0;  // items before this one are in it or in an earlier one
    net::SharedBytes kept;
    std::weak_ptr<const Bytes> made;
  };
  LiveState state_;
  const std::size_t part_bytes_;
  std::string epoch_;  // of a whole one
  std::uint64_t from_ = 0;
  bool is_whole_ = false;
  bool with_status_ = false;
  bool retired_ = false;
  std::int64_t server_ms_ = 0;
  std::vector<const picture::EntityRow*> entities_;  // of state_.picture
  std::vector<const picture::TrackView*> tracks_;
  std::vector<model::EntityId> removed_, removed_tracks_;
  std::vector<Frame> frames_;
  std::size_t kept_bytes_ = 0;
};

}  // namespace airbridge::api
