#pragma once
// Makes frames and opens them: key, counter, replay window, and what of these must be on disk (docs/adr/0014).
//
// Each start of each node on each channel seals under a key of its own: BLAKE2b-256, keyed with the group key, of
// (context | key id | start). `start` is a random 64-bit number drawn when the channel is opened. So no two frames ever
// share key and nonce, whatever became of the saved state; the nonce is the counter.
//
// The counters of a sender only grow, over all its starts; a receiver takes each at most once, and after its own
// restart none that it may have taken before. For this both are saved ahead: own counters before they are used, those
// of others before what came under them is delivered.
#include <bitset>
#include <memory>
#include <optional>
#include <vector>

#include "base/result.hpp"
#include "base/time.hpp"
#include "bearer/ccm.hpp"
#include "bearer/frame.hpp"
#include "bearer/limits.hpp"
#include "bearer/output.hpp"

namespace airbridge::bearer {

struct Opened {
  model::KeyId sender;
  FrameType type = FrameType::Beacon;
  std::uint8_t flags = 0;
  std::uint64_t counter = 0;
  std::uint64_t start = 0;  // of the sender
  bool new_start = false;   // its first frame under this start
  bool durable = false;     // the saved window covers the counter: may be delivered at once
  Bytes payload;
};

// A sender's counters up to `floor` are refused for good; it must go on above. Told to the sender in a frame of type
// Behind, whose payload is start (8 bytes) and floor (8).
struct Behind {
  model::KeyId sender;      // who is behind; when told to us: who says so
  std::uint64_t start = 0;  // of who is behind
  std::uint64_t floor = 0;
};
Bytes payload_of(const Behind& behind);
std::optional<Behind> read_behind(ByteView payload);

class Guard {
 public:
  struct Settings {
    GroupKey key;
    model::KeyId node;
    std::uint64_t start = 0;
    bool encrypt = true;
    Planted planted = Planted::None;
    bool one_way = false;  // a sender cannot be told that it is behind
  };
  Guard(const Settings& settings, ByteView state);

  bool state_was_damaged() const { return state_damaged_; }
  void set_members(const std::vector<model::KeyId>& members);
  bool is_member(const model::KeyId& node) const;
  std::size_t members() const { return members_.size(); }  // the own node not among them

  // Sealing. False: all saved counters are used, wait for saved().
  bool can_seal() const { return next_ < reserved_; }
  // A whole frame; its length is header (and long header), payload and tag. can_seal() must hold.
  Bytes seal(FrameType type, std::uint8_t flags, ByteView payload);
  std::uint64_t last_counter() const { return next_ - 1; }
  std::uint64_t next_counter() const { return next_; }
  std::uint64_t start() const { return settings_.start; }
  // Somebody heard counters up to `floor` of us. True when ours were behind: they go on above it once that is saved.
  bool go_above(std::uint64_t floor);

  // Opening. At most same_slot_max tries of one AES-CCM each. On Refusal::Old, behind() has what to tell the sender.
  Result<Opened, Refusal> open(ByteView frame);
  std::optional<Behind> take_behind() { return std::exchange(behind_, std::nullopt); }
  // The refused frame itself said that we are behind, and proved that it is no old one.
  std::optional<Behind> take_told() { return std::exchange(told_, std::nullopt); }
  bool is_durable(const model::KeyId& sender, std::uint64_t counter) const;

  // Durability: when wants_save(), write take_state() durably, then call saved(). One at a time.
  bool wants_save(Now now) const;
  // When it will want one though nothing comes any more.
  std::optional<SteadyTime> next_save() const;
  Bytes take_state(Now now);
  void saved();
  bool is_saving() const { return saving_; }

 private:
  struct Member {
    model::KeyId id;
    std::uint64_t start = 0;
    std::unique_ptr<Ccm> cipher;   // of `start`; none: its start is not known
    bool heard = false;            // since this node's start
    std::uint64_t highest = 0;     // counter heard, or saved
    std::uint64_t refused_to = 0;  // counters up to this one were perhaps taken before this node's start
    std::uint64_t saved_to = 0;    // on disk: after a restart nothing up to this one is taken
    std::uint64_t saving_to = 0;
    std::bitset<replay_window> taken;  // by counter modulo its size
  };
  Ccm::Key key_of(const model::KeyId& node, std::uint64_t start) const;
  Member* find(const model::KeyId& node);
  const Member* find(const model::KeyId& node) const;
  Refusal judge(Member& member, std::uint64_t counter, bool new_start);
  void take(Member& member, std::uint64_t counter);
  bool open_under(Ccm& cipher, std::uint64_t counter, ByteView frame, std::size_t head, Bytes& payload) const;
  void read_state(ByteView state);
  std::uint64_t ahead_min() const { return settings_.one_way ? save_ahead_min_one_way : save_ahead_min; }
  Milliseconds quiet() const { return settings_.one_way ? save_quiet_one_way : save_quiet; }
  bool reaches_too_far(const Member& member) const;

  Settings settings_;
  Ccm own_cipher_;
  std::uint8_t own_slot_;
  std::uint64_t next_ = 1;
  std::uint64_t reserved_ = 0;  // below this one counters may be used
  std::uint64_t reserving_ = 0;
  std::vector<Member> members_;
  std::array<std::vector<std::size_t>, 256> by_slot_;
  std::vector<Member> known_;  // of the saved state, not members now: kept, so that their floors are not lost
  std::optional<Behind> behind_, told_;
  std::uint64_t ahead_ = ahead_min();
  SteadyTime last_save_{};
  bool saving_ = false;
  bool state_damaged_ = false;
};

}  // namespace airbridge::bearer
