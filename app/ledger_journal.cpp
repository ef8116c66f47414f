// Questions about all there is: the journal and the backup.
#include <algorithm>

#include "open_ledger.hpp"

namespace airbridge::app {

api::JournalPage OpenLedger::journal(const api::JournalQuery& query, Milliseconds wait) {
  if (!index_) return {};
  picture::PicturePtr picture;
  {
    const std::scoped_lock lock(published_mutex_);
    picture = published_;
  }
  api::JournalPage page;
  auto& rows = page.rows;
  page.durable_to = around_.writer()->durable_arrival();
  const auto listed = index_->find(query, wait);
  page.indexed_through = listed.through;
  for (const auto& found : listed.places) {
    api::JournalRow row;
    row.arrival = found.arrival;
    row.arrived = found.arrived;
    row.dot = found.dot;
    if (!found.entry) {
      row.why_not = "the log cannot be read here: part of the disk is damaged";
      rows.push_back(std::move(row));
      continue;
    }
    const auto& entry = *found.entry;
    if (auto event = model::decode_event(entry.public_part, row.dot)) {
      row.event = std::move(*event);
      const auto& roster = picture->roster();
      const bool membership = row.event->record == static_cast<std::uint16_t>(model::RecordKind::Membership);
      if (!membership && !roster.may_write(row.dot.writer.author)) row.why_not = "its author is not granted yet";
      if (!membership && row.event->actor && !roster.may_write(*row.event->actor))
        row.why_not = "the person it names is not granted yet";
      // Private writes are shown to whoever this node may show them to: the node's own operator.
      if (entry.private_part.state == model::PrivatePart::State::Here) {
        if (auto writes = trust::open_private(entry.private_part.ciphertext, row.dot, incident_, data_keys_)) {
          row.event->writes.insert(row.event->writes.end(), writes->begin(), writes->end());
        }
      }
    } else {
      row.why_not = "not readable by this version: " + model::describe(event.error());
    }
    const auto behind_fork = [&](const picture::Fork& fork) {
      return fork.base == row.dot.stream() && row.dot.seq >= fork.from;
    };
    if (entry.stream.is_branch() || std::ranges::any_of(picture->forks(), behind_fork)) {
      row.why_not = "its stream has two contents from here on";
    }
    rows.push_back(std::move(row));
  }
  return page;
}

std::string OpenLedger::backup(const std::string& file, const std::vector<store::ExtraFile>& extra) {
  const auto plan = around_.writer()->read([](store::Log& log) { return store::plan_backup(log); });
  const auto written = store::write_backup(*disk_, plan, extra, file, clock_.now().utc);
  return written ? std::string() : written.error().what;
}

}  // namespace airbridge::app
