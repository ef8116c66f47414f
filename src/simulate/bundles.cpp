// A node's part of what couriers carry: bundles written and taken in as app/bundle_desk and app/bundle_reading do it.
#include "bundle/source.hpp"
#include "simulate/sim_node.hpp"

namespace airbridge::simulate {
namespace {
constexpr std::size_t step_bytes = 64 * 1024;  // of frames in one turn
constexpr std::size_t fed_bytes = 10'000;      // of a file at once
constexpr std::uint64_t part_bytes = bundle::file_bytes_min;
}  // namespace

std::vector<Bytes> SimNode::write_bundle(const std::optional<bundle::Head>& other) {
  if (!life_) return {};
  bundle::Head head;
  head.incident = fleet_.incident;
  head.incident_name = fleet_.genesis.name;
  head.writer = key_.public_key();
  head.writer_name = given_name_;
  head.written = now().utc;
  rng_.fill(head.id.value);
  if (other) head.since = other->holds;
  bundle::Source source(*life_->view, std::move(head), part_bytes, [this](ByteView text) { return key_.sign(text); });
  for (const auto& [stream, held] : source.head().holds) check_claim(stream, held.seq, "wrote into a bundle");
  return bundle::files_of(source);
}

struct SimNode::BundleReading {
  BundleReading(const sync::Config& config, const sync::LogView& view, Now now) : intake(config, view, now) {}
  Bytes file;
  std::size_t fed = 0;
  bundle::Reader reader;
  bundle::Intake intake;
  Brought brought;
  std::function<void(const Brought&)> done;
  bool planned = false, finished = false;
};

void SimNode::read_bundle(Bytes file, std::function<void(const Brought&)> done) {
  if (!life_) return;
  sync::Config config{fleet_.incident, key_.id(), given_name_};
  config.is_granted = [ledger = life_->ledger.get()](const model::SealedRun& run) { return ledger->welcomes(run); };
  auto reading = std::make_shared<BundleReading>(config, *life_->view, now());
  reading->file = std::move(file);
  reading->done = std::move(done);
  life_->reading = reading;  // one at a time: what is left of another one goes
  read_on(reading);
}

// A bounded part of it, so that others get their turns.
void SimNode::plan_reading(const std::weak_ptr<BundleReading>& reading) {
  const auto there = reading.lock();
  if (!there || std::exchange(there->planned, true)) return;
  fleet_.timeline.in(0, [this, reading] {
    const auto now_there = reading.lock();
    if (!now_there) return;
    now_there->planned = false;
    read_on(now_there);
  });
}

bool SimNode::next_of_bundle(BundleReading& reading) {
  while (true) {
    auto item = reading.reader.next();
    if (!reading.reader.refusal().empty()) return false;
    if (item) {
      if (auto* head = std::get_if<bundle::Head>(&*item)) {
        if (!head->is_signed) throw Failure{fmt::format("{} finds a bundle's head not signed", name())};
        reading.brought.head = std::move(*head);
      } else if (auto* frames = std::get_if<bundle::Frames>(&*item)) {
        reading.intake.add(std::move(frames->frames));
      } else if (std::holds_alternative<bundle::End>(*item)) {
        reading.brought.whole = true;
      } else {
        ++reading.brought.damages;
      }
      return true;
    }
    if (reading.fed == reading.file.size()) {
      if (std::exchange(reading.finished, true)) return false;
      reading.reader.finish();
      continue;
    }
    const auto size = std::min(fed_bytes, reading.file.size() - reading.fed);
    reading.reader.feed(ByteView(reading.file).subspan(reading.fed, size));
    reading.fed += size;
  }
}

void SimNode::read_on(const std::shared_ptr<BundleReading>& reading) {
  auto& intake = reading->intake;
  const auto finish = [&] {
    reading->brought.tally = intake.tally();
    reading->brought.stopped = intake.stopped();
    if (auto done = std::exchange(reading->done, nullptr)) done(reading->brought);
  };
  if (!intake.stopped().empty() && intake.is_settled()) return finish();
  if (intake.wants_more() && !next_of_bundle(*reading)) {
    if (intake.is_settled()) finish();  // else when what is on the way has arrived
    return;
  }
  for (auto& output : intake.work(step_bytes, now())) {
    if (!life_) return;
    carry_out(reading, std::move(output));
  }
  if (!intake.waits()) plan_reading(reading);
  after_call();
}

void SimNode::carry_out(const std::weak_ptr<BundleReading>& reading, sync::Output output) {
  if (auto* accept = std::get_if<sync::Accept>(&output)) {
    life_->ledger->accept(std::move(accept->run), accept->author_key,
                          [this, reading, ticket = accept->ticket](ledger::Accepted outcome, const std::string& why) {
                            const auto there = reading.lock();
                            if (!there) return;
                            if (outcome == ledger::Accepted::Written) {
                              there->intake.accepted(ticket, now());
                            } else if (outcome == ledger::Accepted::Refused) {
                              there->intake.rejected(ticket, why, now());
                            } else {
                              there->intake.refused(ticket, why, now());
                            }
                            plan_reading(reading);
                          });
  } else if (const auto* fork = std::get_if<sync::ForkFound>(&output)) {
    life_->ledger->forked(fork->branch);
    on_output_(index_, output);
  } else if (const auto* ahead = std::get_if<sync::OwnStreamAhead>(&output)) {
    life_->ledger->begin_incarnation(fmt::format("a bundle holds {} events of stream {}, this node {}", ahead->there,
                                                 model::to_text(ahead->stream), ahead->here));
    on_output_(index_, output);
  }
}

}  // namespace airbridge::simulate
