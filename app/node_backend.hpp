#pragma once
// What the API is answered. Called on the API's thread; what needs the core is posted to its loop, questions to the
// journal wait on a thread of their own, and backups are made on another.
#include <atomic>
#include <functional>
#include <memory>

#include "api/backend.hpp"
#include "backups.hpp"
#include "ledger.hpp"
#include "loop_thread.hpp"
#include "own_place.hpp"
#include "shared.hpp"

namespace airbridge::app {

inline constexpr Milliseconds status_wakes_every{500};  // who asks again and again wakes the core so often
inline constexpr Milliseconds journal_wait_max{2'000};  // for events that are on disk and not indexed yet
inline constexpr std::size_t journal_asked_max = 64;    // questions to the journal at once; more are answered 503

class NodeBackend final : public api::Backend {
 public:
  // What it asks of the node; all of it outlives stop(). The functions and `own_place` belong to the core thread.
  struct Core {
    net::EventLoop& loop;
    Ledger& ledger;
    OwnPlace& own_place;
    std::function<void(model::Observation&&)> take_observation;
    std::function<void()> publish;
    std::function<void()> make_status;
    std::function<void()> wake_status;                     // somebody looks at it: about one a second
    std::atomic<SteadyTime>& asked;                        // when somebody last did
    std::function<bool(const std::string& peer)> compare;  // false: no such node is in reach
    const Shared<api::Comparisons>& comparisons;
  };
  NodeBackend(const Home& home, const Clock& clock, Core core, const Shared<picture::Picture>& picture,
              const Shared<api::Status>& status);
  // Waits for questions to the journal and for a backup that is being made: both read what the ledger closes.
  void stop();

  std::shared_ptr<const picture::Picture> picture() override { return picture_.get(); }
  std::shared_ptr<const api::Status> status() override;
  void command(model::Draft draft, std::function<void(api::CommandResult)> done) override;
  void own_position(std::optional<Position> position, std::function<void(api::CommandResult)> done) override;
  void journal(api::JournalQuery query, std::function<void(Result<api::JournalPage, api::CommandError>)> done) override;
  void recording(std::string name, std::string text,
                 std::function<void(Result<Played, api::CommandError>)> done) override;
  Result<api::BackupInfo, api::CommandError> begin_backup(bool with_keys) override;
  std::optional<api::BackupInfo> backup(std::uint64_t id) override;
  void compare(std::string peer,
               std::function<void(Result<std::shared_ptr<const api::Comparisons>, api::CommandError>)> done) override;
  std::shared_ptr<const api::Comparisons> comparisons() override { return core_.comparisons.get(); }
  std::string metrics() override;

 private:
  std::string make_backup(const std::string& file, bool with_keys);  // on the backup's thread

  const Home& home_;
  const Clock& clock_;
  const Core core_;
  const Shared<picture::Picture>& picture_;
  const Shared<api::Status>& status_;
  std::atomic<std::uint64_t> commands_{0};
  std::atomic<std::size_t> journal_asked_{0};
  std::unique_ptr<Backups> backups_;
  LoopThread journal_;
};

}  // namespace airbridge::app
