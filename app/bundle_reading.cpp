#include "bundle_reading.hpp"

#include <fmt/format.h>

#include "base/log.hpp"
#include "private_lacking.hpp"

namespace airbridge::app {
namespace json = boost::json;
namespace {

constexpr std::size_t step_bytes = 128 * 1024;  // of frames in one turn of the core's loop

sync::Config config_of(const Home& home, Ledger& ledger) {
  sync::Config config{home.incident, home.node_key.id(), home.name};
  config.is_granted = [&ledger](const model::SealedRun& run) { return ledger.welcomes(run); };
  return config;
}

std::string record_name(std::uint32_t number) {
  const auto* record = model::find_record(static_cast<std::uint16_t>(number));
  return record != nullptr ? std::string(record->name) : fmt::format("record_{}", number);
}

}  // namespace

BundleReading::BundleReading(Around around)
    : around_(std::move(around)),
      intake_(config_of(around_.home, around_.ledger), around_.ledger.view(), around_.clock.now(),
              private_lacking(*around_.ledger.publish(), private_taken_max)),
      used_(around_.clock.now().steady) {}

void BundleReading::take(std::uint64_t at, Bytes bytes, bool last, Done done) {
  used_ = around_.clock.now().steady;
  if (done_)
    return done(
        failure(api::CommandError{409, "busy", "the piece before is still being read", "", "send one at a time"}));
  if (at > received_)
    return done(failure(api::CommandError{409, "gap", fmt::format("the next byte to send is {}", received_), "", ""}));
  const auto known = received_ - at;
  if (known < bytes.size()) {
    reader_.feed(ByteView(bytes).subspan(known));
    received_ = at + bytes.size();
  }
  if (last && !std::exchange(last_, true)) reader_.finish();
  done_ = std::move(done);
  step();
}

void BundleReading::go_on() {
  if (std::exchange(planned_, true)) return;
  around_.loop.post([self = weak_from_this()] {
    const auto there = self.lock();
    if (!there) return;
    there->planned_ = false;
    there->step();
  });
}

// A bounded part of what is to be done, so that peers and commands get their turns.
void BundleReading::step() {
  if (!done_) return;
  if (!intake_.stopped().empty() && intake_.is_settled()) return finish();
  if (intake_.wants_more() && !next_item()) {
    if (intake_.is_settled()) finish();  // else when what is on the way has arrived
    return;
  }
  for (auto& output : intake_.work(step_bytes, around_.clock.now())) carry_out(std::move(output));
  if (!intake_.waits()) go_on();
}

// False when there is nothing more to read in what has come.
bool BundleReading::next_item() {
  if (!refused_.empty()) return false;
  auto item = reader_.next();
  if (!item) {
    refused_ = reader_.refusal();
    return false;
  }
  if (auto* head = std::get_if<bundle::Head>(&*item)) {
    if (head->incident != around_.home.incident) {
      refused_ =
          fmt::format("this bundle is of incident \"{}\" ({}), this node serves \"{}\" ({}); nothing of it was taken",
                      head->incident_name, head->incident.hex().substr(0, 8), around_.home.genesis.name,
                      around_.home.incident.hex().substr(0, 8));
      head_ = std::move(*head);
      return false;
    }
    head_ = std::move(*head);
    if (head_->is_signed) head_to_keep_ = head_;
  } else if (auto* frames = std::get_if<bundle::Frames>(&*item)) {
    intake_.add(std::move(frames->frames));
  } else if (const auto* end = std::get_if<bundle::End>(&*item)) {
    end_ = *end;
  } else if (auto* damage = std::get_if<bundle::Damage>(&*item)) {
    log::warn("bundle", "part of a bundle is damaged", {{"offset", damage->offset}, {"what", damage->what}});
    damages_.push_back(std::move(*damage));
  }
  return true;
}

void BundleReading::carry_out(sync::Output output) {
  if (auto* accept = std::get_if<sync::Accept>(&output)) {
    around_.ledger.accept(std::move(accept->run), accept->author_key,
                          [self = weak_from_this(), ticket = accept->ticket](Accepted outcome, const std::string& why) {
                            const auto there = self.lock();
                            if (!there) return;
                            const auto now = there->around_.clock.now();
                            if (outcome == Accepted::Written) {
                              there->intake_.accepted(ticket, now);
                            } else if (outcome == Accepted::Refused) {
                              there->intake_.rejected(ticket, why, now);
                            } else {
                              there->intake_.refused(ticket, why, now);
                            }
                            there->go_on();
                          });
  } else if (const auto* fork = std::get_if<sync::ForkFound>(&output)) {
    around_.ledger.forked(fork->branch);
  } else if (const auto* ahead = std::get_if<sync::OwnStreamAhead>(&output)) {
    around_.ledger.begin_incarnation(fmt::format("a bundle holds {} events of stream {}, this node {}", ahead->there,
                                                 model::to_text(ahead->stream), ahead->here));
  } else if (const auto* refused = std::get_if<sync::Refused>(&output)) {
    log::warn("bundle", "refused part of a bundle", {{"what", refused->what}});
  }
}

void BundleReading::finish() {
  used_ = around_.clock.now().steady;
  if (auto done = std::exchange(done_, nullptr)) done(report());
}

json::object BundleReading::report() const {
  const auto tally = intake_.tally();
  // Names may stand in what was just read.
  const auto picture = around_.ledger.publish();
  const auto name_of = [&](const model::KeyId& id) { return picture->roster().name_of(id); };
  json::object out{{"ok", true}, {"received", received_}};
  out["state"] = !refused_.empty()            ? "refused"
                 : !intake_.stopped().empty() ? "stopped"
                 : is_over()                  ? "done"
                                              : "reading";
  if (!refused_.empty()) out["why"] = refused_;
  if (!intake_.stopped().empty()) out["why"] = intake_.stopped();
  if (head_) {
    out["incident"] = head_->incident_name;
    const auto writer = model::key_id_of(head_->writer);
    const auto* member = picture->roster().find(writer);
    out["writer"] = writer.hex();
    out["writer_name"] = head_->is_signed && member != nullptr ? name_of(writer) : head_->writer_name;
    out["signed"] = head_->is_signed;
    out["written_ms"] = ms_of(head_->written);
    out["part"] = head_->part;
    out["class_max"] = static_cast<int>(head_->class_max);
    out["since_something"] = !head_->since.empty();
  }
  out["events_new"] = tally.events_new;
  out["events_known"] = tally.events_known;
  out["private_parts"] = tally.private_parts;
  json::array by_class, nodes, lacking, damages, contradicts, forked;
  for (const auto count : tally.new_by_class) by_class.emplace_back(count);
  out["new_by_class"] = std::move(by_class);
  for (const auto& author : tally.authors) nodes.emplace_back(name_of(author));
  out["nodes"] = std::move(nodes);
  json::object about, refused;
  for (const auto& [record, entities] : tally.about) about[record_name(record)] = entities.size();
  out["about"] = std::move(about);
  for (const auto& [stream, gap] : tally.gaps)
    lacking.push_back(json::object{{"node", name_of(stream.writer.author)},
                                   {"class", static_cast<int>(stream.cls)},
                                   {"here", gap.here},
                                   {"first", gap.first}});
  out["lacking"] = std::move(lacking);
  for (const auto& [why, count] : tally.refused) refused[why] = count;
  out["refused"] = std::move(refused);
  for (const auto& stream : tally.contradicts) contradicts.emplace_back(name_of(stream.writer.author));
  out["contradicts"] = std::move(contradicts);
  for (const auto& stream : tally.forked) forked.emplace_back(name_of(stream.writer.author));
  out["forked"] = std::move(forked);
  for (const auto& damage : damages_) damages.push_back(json::object{{"offset", damage.offset}, {"what", damage.what}});
  out["unsealed"] = tally.unsealed;
  out["damages"] = std::move(damages);
  out["whole"] = end_.has_value() && damages_.empty() && tally.broken_frames == 0;
  if (end_) out["more_parts"] = end_->more_parts;
  return out;
}

}  // namespace airbridge::app
