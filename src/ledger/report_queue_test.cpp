#include "ledger/report_queue.hpp"

#include <doctest/doctest.h>

#include "model/schema.hpp"

namespace airbridge::ledger {

TEST_CASE("reports that cannot be merged wait in order, up to a limit") {
  ReportQueue queue;
  const auto journal = model::find_field(static_cast<std::uint16_t>(model::RecordKind::Journal), "text")->key();
  model::Draft draft;
  draft.record = static_cast<std::uint16_t>(model::RecordKind::Journal);
  draft.entity = model::external_name("tak", "line");
  for (std::size_t i = 0; i <= reports_per_record_max; ++i) {
    draft.source = std::to_string(i);  // of different clients
    draft.writes = {{journal, model::Value(std::to_string(i)), {}}};
    CHECK(queue.put({draft, {}, {}}).has_value() == (i == reports_per_record_max));
  }
  CHECK(queue.size() == reports_per_record_max);
  CHECK(queue.take(*draft.entity)->draft.source == "0");
  CHECK(queue.size() == reports_per_record_max - 1);
}

}  // namespace airbridge::ledger
