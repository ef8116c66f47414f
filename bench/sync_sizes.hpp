#pragma once
// How many bytes the exchange between nodes takes on a narrow link, for `./dev bench sync` and the test that holds it.
//
// Frames have 200 bytes: 12 of them head and tag, and 6 the heads of the data and of the fragment. 50 nodes that shared
// 120 h of field_workload.hpp have been in two halves for 24 h. All sums count frames: of a message alone so many as it
// needs, of a backlog their share.
//
//   vector_full_24h     both ask, and both tell all they hold
//   vector_delta_24h    both ask against the vector they had in common, and both tell what grew
//   position_single     one node's position in a frame of its own, told in full before
//   position_gathered   the same, as many in a frame as it holds
//   backlog_event       what the other half lacks, in blocks of 6 kB, with seals for up to 16 events each, private
//   parts too live_..._event      one event alone with its seal
#include <array>
#include <string>
#include <vector>

#include "field_workload.hpp"

namespace airbridge::bench {

struct SizeRow {
  std::string name;
  double value = 0;
  std::string unit;
  double goal = 0;  // 0: told for information
};

// A few seconds of one core. Writes to stderr and ends the program when something does not read back as it was.
std::vector<SizeRow> sync_sizes();

// What two halves lack of each other, by class: bytes as they travel in blocks of 6 kB, both ways, without frames.
std::array<double, model::class_count> backlog_bytes(const FieldAuthors& authors,
                                                     const std::vector<FieldWritten>& apart);

}  // namespace airbridge::bench
