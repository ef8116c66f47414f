#pragma once
// One bundle being taken in, piece by piece as it is sent here. Core thread only.
#include <functional>
#include <memory>

#include "api/json_values.hpp"
#include "bundle/intake.hpp"
#include "home.hpp"
#include "ledger.hpp"

namespace airbridge::app {

class BundleReading : public std::enable_shared_from_this<BundleReading> {
 public:
  struct Around {
    net::EventLoop& loop;
    const Clock& clock;
    Ledger& ledger;
    const Home& home;
  };
  using Done = std::function<void(Result<api::json::object, api::CommandError>)>;

  explicit BundleReading(Around around);

  // The bytes of the file from `at` on; `last`: nothing follows. What was sent before may be sent again. `done` gets
  // the report so far, once everything these bytes brought is on disk. One call at a time.
  void take(std::uint64_t at, Bytes bytes, bool last, Done done);

  api::json::object report() const;
  // When it was last asked for something; long ago when it is over.
  SteadyTime used() const { return is_over() && !done_ ? SteadyTime{} : used_; }
  // Of the node that wrote it, when it signed it, and belongs to the incident or did: to be kept once.
  std::optional<bundle::Head> take_head() { return std::exchange(head_to_keep_, std::nullopt); }

 private:
  bool is_over() const { return last_ || !refused_.empty() || !intake_.stopped().empty(); }
  void go_on();
  void step();
  bool next_item();
  void carry_out(sync::Output output);
  void finish();

  Around around_;
  bundle::Reader reader_;
  bundle::Intake intake_;
  std::uint64_t received_ = 0;
  bool last_ = false, planned_ = false;
  Done done_;
  SteadyTime used_{};
  std::optional<bundle::Head> head_, head_to_keep_;
  std::optional<bundle::End> end_;
  std::vector<bundle::Damage> damages_;
  std::string refused_;  // the whole file
};

}  // namespace airbridge::app
