#pragma once
// What a ledger finds around it in a simulation: made-up time, chance from the seed, and a log that is written a batch
// at a time as store::Writer writes it, the disk taking its time in between.
#include <functional>
#include <memory>
#include <optional>
#include <vector>

#include "base/rng.hpp"
#include "ledger/surroundings.hpp"
#include "simulate/simulate.hpp"
#include "simulate/timeline.hpp"
#include "store/sim_disk.hpp"

namespace airbridge::simulate {

class TimeAround final : public ledger::Surroundings {
 public:
  struct Handlers {
    std::function<Now()> now;
    std::function<std::int64_t()> disk_delay_ms;
    std::function<void()> on_log;                       // it was opened
    std::function<void(std::uint64_t from)> on_synced;  // the disk holds all records from this arrival number on
    std::function<void()> on_early;                     // a mistake is planted: readers see what is not on the disk
    // Does what touches the disk. False: the power failed meanwhile, and this object is no more.
    std::function<bool(const std::function<void()>&)> on_disk;
    std::function<void(std::string_view line)> tell;
  };
  TimeAround(Timeline& timeline, store::SimDisk& disk, Rng rng, Bug bug, Handlers handlers)
      : timeline_(timeline), disk_(disk), rng_(rng), bug_(bug), handlers_(std::move(handlers)) {}

  Now now() const override { return handlers_.now(); }
  std::uint32_t random_number() override { return static_cast<std::uint32_t>(rng_.below(0xFFFFFFFE)) + 1; }
  trust::Author::Salt::result_type random_salt() override;
  void after(Milliseconds delay, std::function<void()> work) override;
  void take_log(store::Log log) override;
  void with_log(const std::function<void(store::Log&)>& reading) override { reading(*log_); }
  store::StoreResult<void> submit(store::Submission::Work work, std::function<void()> prepare,
                                  store::Submission::Done done) override;
  std::uint64_t durable_arrival() const override { return log_->durable_arrival(); }
  void aside(std::function<void()> work) override;
  void finish_aside() override;
  void tell(log::Level level, std::string_view message, std::initializer_list<log::Field> fields) override;

  store::Log& log() { return *log_; }
  bool is_writing() const { return writing_ || !waiting_.empty(); }
  // The stop of a node: what was submitted is written, and the log says that the stop was clean.
  void stop();

 private:
  template <class Work>
  void later(std::int64_t ms, Work work);
  void begin_batch();
  void end_batch();
  void tell_batch(const store::StoreResult<std::uint64_t>& durable);
  void note_synced();

  Timeline& timeline_;
  store::SimDisk& disk_;
  Rng rng_;
  Bug bug_;
  Handlers handlers_;
  std::optional<store::Log> log_;
  std::vector<store::Submission> waiting_, batch_;
  bool writing_ = false;
  std::int64_t told_at_ms_ = 0;       // when the last outcome arrives at the ledger
  std::uint64_t synced_arrival_ = 0;  // the disk holds everything up to here
  std::function<void()> aside_;
  std::shared_ptr<bool> alive_ = std::make_shared<bool>(true);
};

}  // namespace airbridge::simulate
