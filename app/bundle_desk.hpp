#pragma once
// Where bundles are written and read by whoever asks over HTTP: the command line, later the page. A file goes and comes
// in pieces, so that no whole one is ever in memory, on the node's disk or on one thread for long
// (docs/protocol/api.md, "Bundles"). Calls on the API's thread; `done` comes on any.
#include <deque>
#include <map>
#include <mutex>

#include "api/status.hpp"
#include "bundle/source.hpp"
#include "bundle_reading.hpp"
#include "picture/picture.hpp"
#include "shared.hpp"

namespace airbridge::app {

inline constexpr std::size_t bundles_at_once_max = 4;   // writings, and readings; then the one idle longest goes
inline constexpr Milliseconds bundle_idle_min{60'000};  // but none that was asked for something so lately: 503
inline constexpr std::size_t bundle_piece_target = 512 * 1024;
inline constexpr std::size_t bundle_upload_max = 1024 * 1024;     // bytes of a file sent here at once
inline constexpr std::size_t bundle_start_max = 3 * 1024 * 1024;  // of a file whose head says since when
inline constexpr std::size_t bundle_names_kept_max = 256;  // for whom bundles were written, and by whom; the oldest go
// Streams of all writers of bundles together that are shown as reported; of more nothing is shown.
inline constexpr std::size_t bundle_reported_max = 250'000;

// What is to be written.
struct BundleWish {
  std::string for_name;
  bool everything = false;  // also what the one it is for is known to hold
  Bytes since;              // the beginning of a bundle: what its writer held then is left out; empty: not told
  bool nothing = false;     // only the head: what this node holds
  int class_max = 2;
  std::uint64_t file_bytes_max = 0;  // 0: one file
};
struct BundleBegun {
  std::uint64_t id = 0;
  std::uint64_t events = 0;
  std::string since;  // in words; empty: everything
};
struct BundlePiece {
  Bytes bytes;
  std::uint32_t part = 1;
  bool ends_file = false, ends_all = false;
  bundle::Written written;  // so far
};

class BundleDesk {
 public:
  // `core` and `worker` are the loops of the core and of a thread that may wait for the disk. All of it outlives the
  // desk but for its worker, which is stopped before.
  struct Around {
    net::EventLoop& core;
    net::EventLoop& worker;
    const Clock& clock;
    Ledger& ledger;
    const Home& home;
    std::string node_name;
    const Shared<picture::Picture>& picture;
    const Shared<api::Status>& status;
    Shared<api::ReportedTable>& reported;  // set from the bundles read here, also in earlier runs
  };
  explicit BundleDesk(Around around);

  template <class T>
  using Done = std::function<void(Result<T, api::CommandError>)>;
  void begin_writing(BundleWish wish, Done<BundleBegun> done);
  // Piece `number`, from 1; the last one may be asked for again.
  void next_piece(std::uint64_t id, std::uint64_t number, Done<BundlePiece> done);
  // The files are safe where they belong: for whom they were written will be remembered.
  void finish_writing(std::uint64_t id, Done<api::json::object> done);

  void begin_reading(Done<api::json::object> done);
  void read_on(std::uint64_t id, std::uint64_t at, Bytes bytes, bool last, Done<api::json::object> done);

  // Core thread, before the ledger closes: readings end where they are.
  void stop();

 private:
  struct Writing;
  // What is left out of a bundle, in words why, and what of it is said again for its private part.
  struct Known {
    sync::HeldVector holds;
    std::string words;
    std::vector<model::Dot> lacks;
  };
  void begin_with(const BundleWish& wish, bundle::Head head, Known known, const Done<BundleBegun>& done);
  std::string file_of(std::string_view kind, ByteView of_whom) const;
  std::optional<bundle::Head> kept_head(const std::string& file) const;
  void keep_head(const std::string& file, const bundle::Head& head) const;
  Known known_of(const std::string& name, int class_max) const;
  bool is_from_member(const bundle::Head& head) const;
  void remember(const bundle::Head& head);
  void recall_reported();
  void show_reported();
  std::string name_of(const model::KeyId& id) const;

  const Around around_;
  std::uint64_t last_id_ = 0;                                   // of the worker's and the core's, each their own
  std::map<std::uint64_t, std::shared_ptr<Writing>> writings_;  // worker
  std::map<model::KeyId, sync::HeldVector> reported_;           // worker
  std::uint64_t last_reading_ = 0;
  std::map<std::uint64_t, std::shared_ptr<BundleReading>> readings_;  // core
  bool stopped_ = false;                                              // core
};

}  // namespace airbridge::app
