#include "gateway/adsb/line_reader.hpp"

#include <bit>

#include "base/log.hpp"

namespace airbridge::gateway::adsb {

using namespace codec::adsb;

namespace {
constexpr std::size_t excerpt_max = 160;  // of a bad line, in the log
}

LineReader::LineReader(std::string source, Origin origin, const TrackerLimits& limits, OnObservation on_observation)
    : source_(std::move(source)), origin_(origin), tracker_(limits), on_observation_(std::move(on_observation)) {}

void LineReader::new_connection() {
  faults_here_ = 0;
  good_here_ = 0;
}

void LineReader::read(std::string_view line, std::uint64_t number, Now now) {
  ++counters_.lines;
  const auto message = parse_sbs(line);
  if (!message) {
    ++counters_.refused;
    return log_fault(line, number, message.error());
  }
  ++good_here_;
  if (message->record != SbsRecord::Msg) {
    ++counters_.ignored;
    return;
  }
  const Aircraft* const aircraft = tracker_.apply(*message, now);
  if (aircraft == nullptr) return;
  if (auto observation = to_observation(*aircraft, source_, origin_)) {
    ++counters_.observations;
    if (on_observation_) on_observation_(std::move(*observation));
  }
}

void LineReader::note_oversized(std::uint64_t total) {
  if (total == counters_.oversized) return;
  const auto added = total - counters_.oversized;
  counters_.oversized = total;
  faults_here_ += added;
  log::warn("adsb", "skipped an oversized line",
            {{"source", source_}, {"limit_bytes", sbs_line_bytes_max}, {"so_far", total}});
}

void LineReader::log_fault(std::string_view line, std::uint64_t number, const SbsError& error) {
  ++faults_here_;
  if (faults_here_ > faults_logged_max && !std::has_single_bit(faults_here_)) return;
  log::warn("adsb", "refused a line",
            {{"source", source_},
             {"line", number},
             {"column", error.column + 1},
             {"reason", words_for(error.fault)},
             {"text", line.substr(0, excerpt_max)},
             {"refused_so_far", faults_here_}});
}

}  // namespace airbridge::gateway::adsb
