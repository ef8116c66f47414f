#pragma once
// What a ledger finds around it in the node: the core's event loop, the store's writing thread, a thread for what
// nobody waits for, and the operating system's randomness.
#include <map>
#include <memory>

#include "aside_thread.hpp"
#include "journal_index.hpp"
#include "ledger/surroundings.hpp"
#include "net/event_loop.hpp"
#include "store/writer.hpp"

namespace airbridge::app {

class ThreadsAround final : public ledger::Surroundings {
 public:
  ThreadsAround(net::EventLoop& loop, const Clock& clock) : loop_(loop), clock_(clock) {}

  Now now() const override { return clock_.now(); }
  std::uint32_t random_number() override;
  trust::Author::Salt::result_type random_salt() override;
  void after(Milliseconds delay, std::function<void()> work) override;
  void take_log(store::Log log) override { writer_ = std::make_unique<store::Writer>(std::move(log), clock_); }
  void with_log(const std::function<void(store::Log&)>& reading) override { writer_->read(reading); }
  store::StoreResult<void> submit(store::Submission::Work work, std::function<void()> prepare,
                                  store::Submission::Done done) override;
  std::uint64_t durable_arrival() const override { return writer_->durable_arrival(); }
  std::function<void()> begin(std::function<void()> work) override;
  void aside(std::function<void()> work) override { aside_.begin(std::move(work)); }
  void finish_aside() override { aside_.finish(); }
  std::vector<model::Dot> older_command(const model::CommandId& id) override;
  std::vector<store::StoredEntry> latest(const model::EntityId& entity, std::size_t limit) override;

  store::Writer* writer() { return writer_.get(); }  // null until the log is open
  void use(JournalIndex* index) { index_ = index; }
  // Nothing calls back any more; what was submitted becomes durable, and the log says that the stop was clean.
  store::StoreResult<void> stop();

 private:
  net::EventLoop& loop_;
  const Clock& clock_;
  std::unique_ptr<store::Writer> writer_;
  JournalIndex* index_ = nullptr;
  std::map<std::uint64_t, std::shared_ptr<net::EventLoop::Timer>> timers_;
  std::uint64_t timers_made_ = 0;
  std::shared_ptr<bool> running_ = std::make_shared<bool>(true);
  AsideThread aside_;  // ends first: it reads the log
};

}  // namespace airbridge::app
