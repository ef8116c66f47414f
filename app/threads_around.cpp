#include "threads_around.hpp"

#include <future>

#include "trust/keys.hpp"

namespace airbridge::app {

std::uint32_t ThreadsAround::random_number() {
  std::uint32_t drawn = 0;
  while (drawn == 0) drawn = trust::random_u32();
  return drawn;
}

trust::Author::Salt::result_type ThreadsAround::random_salt() {
  return trust::random_fixed<trust::Author::Salt::result_type>();
}

void ThreadsAround::after(Milliseconds delay, std::function<void()> work) {
  if (delay <= Milliseconds(0)) {
    loop_.post([running = std::weak_ptr<bool>(running_), work = std::move(work)] {
      if (!running.expired()) work();
    });
    return;
  }
  const auto number = ++timers_made_;
  timers_[number] = loop_.after(delay, [this, number, work = std::move(work)] {
    const auto keep = timers_.extract(number);  // the timer lives until its work is done
    work();
  });
}

store::StoreResult<void> ThreadsAround::submit(store::Submission::Work work, std::function<void()> prepare,
                                               store::Submission::Done done) {
  return writer_->submit(std::move(work),
                         [&loop = loop_, running = std::weak_ptr<bool>(running_), prepare = std::move(prepare),
                          done = std::move(done)](const store::DurableResult& outcome) {
                           if (outcome && prepare) prepare();
                           loop.post([running, done, outcome] {
                             if (!running.expired()) done(outcome);
                           });
                         });
}

std::function<void()> ThreadsAround::begin(std::function<void()> work) {
  auto running = std::make_shared<std::future<void>>(std::async(std::launch::async, std::move(work)));
  return [running] { running->get(); };
}

std::vector<model::Dot> ThreadsAround::older_command(const model::CommandId& id) {
  return index_ != nullptr ? index_->command(id) : std::vector<model::Dot>();
}

std::vector<store::StoredEntry> ThreadsAround::latest(const model::EntityId& entity, std::size_t limit) {
  std::vector<store::StoredEntry> out;
  if (index_ == nullptr) return out;
  for (auto& found : index_->latest(entity, limit)) {
    if (!found.entry) continue;
    store::StoredEntry entry;
    entry.arrival = found.arrival;
    entry.time = found.arrived;
    entry.entry = std::move(*found.entry);
    out.push_back(std::move(entry));
  }
  return out;
}

store::StoreResult<void> ThreadsAround::stop() {
  running_.reset();
  timers_.clear();
  aside_.finish();
  return writer_ ? writer_->stop() : store::StoreResult<void>();
}

}  // namespace airbridge::app
