#pragma once
// Writes bundles: what the log holds beyond a vector, as the frames a peer would be sent, in files of a bounded size.
#include <deque>
#include <set>
#include <vector>

#include "bundle/format.hpp"
#include "sync/log_view.hpp"

namespace airbridge::bundle {

// A smaller limit of a file's size is raised to this. A head of very many streams, or events of many hundred KiB that
// their author sealed together, may make a file longer.
inline constexpr std::uint64_t file_bytes_min = 256 * 1024;

struct Written {
  std::uint64_t events = 0;
  std::array<std::uint64_t, model::class_count> by_class{};
  std::set<model::KeyId> authors;
  std::uint64_t private_parts = 0;          // that were asked for, of events that are left out as known
  std::vector<model::StreamId> unreadable;  // the log is damaged there: what follows of them is not in the bundle
};

// The events of a log, most urgent class first and strictly so, within a class stream by stream, so that a part that
// arrives alone is of use. No thread or clock of its own; reads the log within next().
class Source {
 public:
  // Up to what the log holds now. `head`: without vectors, but for `since`, and without a part. `file_bytes_max`: of
  // one file, 0: one file takes all. `asked`: events of `since` that are said once more, because the reader lacks their
  // private part, where this log has it. `log` must outlive it.
  Source(const sync::LogView& log, Head head, std::uint64_t file_bytes_max, Sign sign,
         const std::vector<model::Dot>& asked = {});

  struct Piece {
    Bytes bytes;             // of one file
    std::uint32_t part = 1;  // which: 1, 2, ...
    bool ends_file = false;
    bool ends_all = false;
  };
  Piece next();

  const Head& head() const { return head_; }
  const Written& written() const { return written_; }
  std::uint64_t events_total() const { return total_; }  // to be written, all parts together

 private:
  struct Stretch {
    model::StreamId stream;
    std::uint64_t after = 0, until = 0;
    bool asked = false;  // one event, for its private part
  };
  struct Frame {
    Bytes bytes;
    model::KeyId author;
    model::Class cls = model::Class::Routine;
    std::uint64_t events = 0, private_parts = 0;
    bool ends_run = true;  // has the seal
  };
  Bytes next_chunk_content();
  bool read_on();
  bool read_asked(const Stretch& stretch);
  void pack(const model::StreamId& stream, const std::vector<model::SealedRun>& runs, std::uint64_t until);

  const sync::LogView& log_;
  Head head_;
  const std::uint64_t file_bytes_max_;
  Sign sign_;
  std::vector<Stretch> stretches_;
  std::size_t at_ = 0;
  std::set<model::Dot> asked_;  // and not yet said
  std::uint64_t total_ = 0;
  Written written_;

  std::deque<Frame> frames_;  // read and not yet in a chunk
  std::uint32_t chunk_ = 0;   // the next one of this file; 0: the file is to be begun
  std::uint64_t file_bytes_ = 0, file_events_ = 0;
  Bytes content_;        // of the next chunk
  bool in_run_ = false;  // the last frame of `content_` is the beginning of a run
  std::uint64_t content_events_ = 0;
};

// All of it at once, in memory: the bytes of each file.
std::vector<Bytes> files_of(Source& source);

}  // namespace airbridge::bundle
