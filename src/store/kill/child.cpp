// Writes events to the store until it is killed: store_kill_child DIRECTORY. Each event's number goes to standard
// output once it is durable, and never before. The parent is kill_test.cpp.
#include <unistd.h>

#include <cstdio>
#include <semaphore>

#include "store/kill/kill_world.hpp"
#include "store/posix_disk.hpp"
#include "store/writer.hpp"

namespace airbridge::store {
namespace {

void say(std::uint64_t number) {
  const auto line = std::to_string(number) + "\n";
  (void)!::write(STDOUT_FILENO, line.data(), line.size());
}

int fail(const std::string& what) {
  std::fprintf(stderr, "store_kill_child: %s\n", what.c_str());
  return 1;
}

int write_for_ever(const std::string& directory) {
  trust::start();
  const auto disk = PosixDisk::open(directory);
  if (!disk) return fail(disk.error().what);
  const SystemClock clock;
  auto opened = Log::open(**disk, kill_incident(), kill_options(), clock.now().utc);
  if (!opened) return fail(opened.error().what);
  const auto key = kill_key();
  const auto head = opened->head(kill_stream());
  // A kill in the middle of a write leaves a torn end, and then the rule asks for a new incarnation. The stream goes on
  // all the same, so that its numbers can be counted over all kills: nobody else ever saw it.
  const auto author = kill_stream().writer.author;
  if (opened->must_begin_new_incarnation(author)) {
    const auto incarnation = opened->incarnation() ? opened->incarnation()->incarnation + 1 : 1;
    if (!opened->begin_incarnation({author, incarnation}, IncarnationReason::Doubt, clock.now().utc)) {
      return fail("no incarnation");
    }
  }
  auto next = head ? head->seq + 1 : 1;
  std::counting_semaphore<64> room(64);
  Writer writer(std::move(*opened), clock);
  for (;; ++next) {
    room.acquire();
    const auto work = [&clock, &key, seq = next](Log& log) -> StoreResult<void> {
      const auto now = clock.now().utc;
      if (auto done = log.append_entry(kill_entry(seq), {}, now); !done) return failure(done.error());
      if (seq % 16 != 0) return {};
      const auto stream = kill_stream();
      auto done = log.append_seal(trust::make_seal(key, kill_incident(), stream, seq, *log.chain_at(stream, seq)), now);
      if (!done) return failure(done.error());
      return {};
    };
    const auto told = [&room, seq = next](const DurableResult& outcome) {
      if (!outcome) std::_Exit(fail(outcome.error().what));
      say(seq);
      room.release();
    };
    if (const auto put = writer.submit(work, told); !put) return fail(put.error().what);
    if (next % 2000 == 0) (void)writer.write_snapshot({}, 0);
  }
}

}  // namespace
}  // namespace airbridge::store

int main(int argc, char** argv) {
  if (argc != 2) return 2;
  return airbridge::store::write_for_ever(argv[1]);
}
