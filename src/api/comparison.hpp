#pragma once
// What came of comparing this node's log with itself and with other nodes, as a plain value read by the API.
#include <boost/json.hpp>
#include <string>
#include <vector>

#include "base/time.hpp"
#include "model/ids.hpp"

namespace airbridge::api {

// One thing that is not as it should be, in words for a person.
struct FoundDifference {
  model::StreamId stream;
  std::string author;      // whose events these are
  std::uint64_t from = 0;  // the first number in doubt
  std::string what;
  std::string remedy;
};

struct ComparedNode {
  model::KeyId id;
  std::string name;
  std::string state;  // asked | alike | differs | failed
  std::size_t streams = 0;
  std::vector<FoundDifference> differences;
  std::size_t more = 0;  // beyond those listed
  std::string why;       // of failed
};

struct Comparisons {
  std::uint64_t number = 0;  // counts comparisons since the start; 0: none was asked for
  UtcTime begun{};
  bool own_done = false;
  std::size_t own_streams = 0;
  std::uint64_t own_events = 0;  // read again
  std::vector<FoundDifference> own;
  std::vector<ComparedNode> nodes;  // those in reach when it was asked for
};

boost::json::object comparisons_json(const Comparisons& comparisons);

}  // namespace airbridge::api
