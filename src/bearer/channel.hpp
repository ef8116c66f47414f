#pragma once
// One datagram channel (UDP, multicast, a radio modem) and the neighbours heard on it. No socket, clock, thread or
// disk: frames and `now` come in, frames and wishes go out.
//
//   channel.receive(frame, now)       a frame was heard
//   channel.wake(node, urgent, now)   the source has something (more) for this node; all zero: for everybody
//   channel.saved(now)                the last Save is durable
//   channel.transmitted(now)          optional: the oldest frame handed out has left. A caller that says so is never
//                                     more than two frames ahead; without it the profile's rate paces
//   channel.poll(now), next_deadline()
//   for (auto& output : channel.take_outputs()) ...   after every call
//
// Messages are opaque. They are pulled from the Source at the moment something may be sent, gathered into blocks,
// compressed, cut into fragments and delivered whole, in order and once, urgent ones past the others; last values ride
// along and are never sent again. On half duplex the stations hand over turns (turns.hpp), else timers and a token
// bucket decide. docs/protocol/bearer.md has the bytes and the timers.
//
// One thread; no call blocks, or throws on what was heard.
#include <deque>
#include <map>

#include "base/rng.hpp"
#include "bearer/air_use.hpp"
#include "bearer/guard.hpp"
#include "bearer/neighbour.hpp"
#include "bearer/one_way.hpp"
#include "bearer/output.hpp"
#include "bearer/payload.hpp"
#include "bearer/profile.hpp"
#include "bearer/squeezer.hpp"
#include "bearer/turns.hpp"

namespace airbridge::bearer {

struct Setup {
  Profile profile;
  model::KeyId node;
  GroupKey key;
  std::uint64_t start = 0;  // random, new at each start and on each channel, from the operating system's generator
  Bytes state;              // of the last Save; empty: none
  Planted planted = Planted::None;
};

class Channel {
 public:
  // Source and squeezer must outlive the channel. The generator is for jitter only.
  Channel(Setup setup, Source& source, const Squeezer& squeezer, Rng rng, Now now);

  // Who holds the group key. Others are strangers. Who is no longer among them goes down.
  void set_members(const std::vector<model::KeyId>& members, Now now);
  void receive(ByteView frame, Now now);
  void wake(const model::KeyId& node, bool urgent, Now now);
  void saved(Now now);
  void transmitted(Now now);
  void poll(Now now);
  std::optional<SteadyTime> next_deadline() const;
  std::vector<Output> take_outputs() { return std::exchange(outputs_, {}); }

  const Profile& profile() const { return profile_; }
  std::vector<model::KeyId> neighbours() const;  // those that are up
  Stats stats(Now now) const;
  double occupancy(Now now) const { return use_.occupancy(now.steady); }  // as in Stats

 private:
  // channel.cpp: neighbours, saving, time
  Neighbour* find(const model::KeyId& node);
  Neighbour* heard_from(const Opened& opened, Now now);
  void begin_session(Neighbour& n, std::uint64_t start);
  bool follow_session(Neighbour& n, const OpenPart& open, std::uint16_t tag, std::uint64_t counter);
  void down(const model::KeyId& node, std::string why);
  void save_if_wanted(Now now);
  Milliseconds patience() const;
  void check_neighbours(Now now);
  void run(Now now);
  bool is_session_to_us(const Neighbour& n, std::uint16_t tag) const;
  std::uint16_t tag_of(const model::KeyId& from, std::uint64_t from_start, const model::KeyId& to,
                       std::uint64_t to_start, std::uint8_t salt) const;

  // channel_receive.cpp: what was heard
  void take(Opened opened, std::size_t frame_bytes, Now now);
  void on_data(Neighbour& n, const Opened& opened, Now now);
  void overhear(Neighbour& n, std::uint16_t tag, const Part& part);
  void on_ack(Neighbour& n, const AckPart& ack, Now now);
  void slow_down(Neighbour& n, double factor, Now now);
  void on_behind(const Behind& told);
  void deliver_blocks(Neighbour& n, std::vector<WholeBlock> blocks, bool overheard);
  void deliver_values(const model::KeyId& node, const std::vector<ByteView>& values);
  void heard_digest(Neighbour& n, const Digest8& digest);
  void refuse(Refusal refusal) { ++stats_.refused[static_cast<std::size_t>(refusal)]; }

  // channel_send.cpp: what goes into a frame
  struct Burst {
    std::size_t left = 0;         // frames, the next one included
    std::size_t value_bytes = 0;  // that may still be last values
    std::optional<model::KeyId> hand_to;
    bool must_reply = false;  // the turn was handed to us, by turn_from_
    bool first = true;        // no data frame was sent yet
    bool handed = false;      // a frame said so
    bool open = false;        // a moment is left behind it for new stations
    bool copies = false;      // urgent fragments go twice
    bool hurried = false;     // another's urgent messages wait for the end of it
  };
  void emit(FrameType type, std::uint8_t flags, ByteView payload, Now now);
  void send_data(Neighbour& n, bool with_ack, Now now);
  void fill(Bytes& parts, std::size_t room, Neighbour& n, Now now);
  void pull_urgent(Neighbour& n, std::size_t enough, std::size_t room, Now now);
  void pull_bulk(Neighbour& n, std::size_t room, Now now);
  void pull_values(std::size_t room, Now now);
  void queue_items(Neighbour* n, std::vector<Item> items, Now now);
  std::pair<Bytes, bool> squeezed(Neighbour* n, const Bytes& block) const;
  AckPart ack_for(const Neighbour& n) const;
  bool has_to_send(const Neighbour& n, Now now) const;
  static bool has_unacked(const Neighbour& n);
  bool is_alone(Now now) const;
  Milliseconds pause_alone() const;
  void send_beacon(Now now);
  void send_values(Now now);
  void send_control(Now now);
  std::size_t frames_after_this(Now now) const;
  bool wants_long_header() const;
  std::optional<SteadyTime> sent_at(std::uint64_t counter) const;
  bool is_ready(Now now) const;  // the channel is ours to fill: the last frame has left, or is about to
  Milliseconds frame_lead() const { return Milliseconds(profile_.half_duplex ? 40 : 5); }
  std::size_t data_room() const { return profile_.mtu - frame_overhead - data_head_bytes; }
  std::size_t frames_for(const Neighbour& n) const;
  bool may_send_to(const Neighbour& n, Now now) const { return n.silent_until <= now.steady; }

  // channel_turns.cpp: half duplex
  void run_turns(Now now);
  bool begin_burst(Turns::Due why, Now now);
  void send_of_burst(Now now);
  Neighbour* next_of_burst(Now now);
  void pull_for_burst(std::size_t frames, bool hurried, Now now);
  bool is_urgent_there(const Neighbour& n, Now now) const;
  bool is_urgent_here(Now now) const;
  bool leaves_urgent(std::size_t frames, Now now) const;
  void gave_up(Now now);
  std::optional<model::KeyId> next_turn(bool busy, Now now) const;
  bool wants_turn(Now now) const;

  // channel_one_way.cpp: nobody answers
  std::size_t one_way_cut() const;
  void pull_for_all(bool& wanted, Wanted what, Now now);
  void run_one_way(Now now);

  // channel_timers.cpp: full duplex
  bool duty_allows(bool urgent, Now now);
  void run_timers(Now now);
  bool send_by_timer(Neighbour& n, Now now);
  Milliseconds resend_after(const Neighbour& n) const;
  std::size_t flight_limit(const Neighbour& n, bool urgent) const;
  std::optional<Milliseconds> repeat_urgent_after(const Neighbour& n) const;
  Milliseconds use_frame_time() const { return std::chrono::ceil<Milliseconds>(use_.airtime(profile_.mtu)); }
  SteadyTime timer_deadline(SteadyTime ready) const;

  Profile profile_;
  Source& source_;
  const Squeezer& squeezer_;
  Rng rng_;
  Guard guard_;
  AirUse use_;
  Turns turns_;
  model::KeyId node_;
  std::map<model::KeyId, Neighbour> neighbours_;
  std::uint8_t last_salt_ = 0;  // of the session begun last
  std::map<model::KeyId, SteadyTime> told_behind_;
  struct Held {
    Opened opened;
    std::size_t frame_bytes = 0;
  };
  std::deque<Held> held_;  // heard, and waiting for a save
  struct Control {
    FrameType type;
    Bytes payload;
  };
  std::deque<Control> control_;
  std::deque<Bytes> values_;
  std::size_t value_queue_bytes_ = 0;
  bool want_values_ = true;
  OneWay one_way_;
  bool want_all_urgent_ = true;  // on a one-way channel: the source may have something for everybody
  bool want_all_ = true;
  std::int64_t value_credit_ = 0;  // on full duplex: bytes of last values that may pass waiting messages
  std::optional<Burst> burst_;
  std::chrono::sys_time<Microseconds>::duration
      busy_until_{};             // of the steady clock: when the last frame will have left
  std::size_t outstanding_ = 0;  // frames handed out and not said to have left
  bool caller_reports_ = false;
  SteadyTime next_beacon_{};
  struct SentFrame {
    std::uint64_t counter = 0;
    SteadyTime at{};
  };
  std::vector<SentFrame> sent_times_;  // full duplex: of the last frames, by counter
  std::uint64_t beacons_ = 0;
  int long_beacons_ = 0;  // to come, whoever was heard
  int long_frames_ = 0;   // so many more with a long header, whoever they are for
  SteadyTime duty_wait_{};
  bool wants_turn_ = false;
  bool blocked_ = false;  // on full duplex: there is more to send once the channel is ready
  std::optional<model::KeyId> served_last_;
  std::optional<model::KeyId> turn_from_;  // who handed us the turn last
  std::vector<Output> outputs_;
  Stats stats_;
};

}  // namespace airbridge::bearer
