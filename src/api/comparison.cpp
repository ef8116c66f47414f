#include "api/comparison.hpp"

namespace airbridge::api {
namespace {

namespace json = boost::json;

json::array differences_json(const std::vector<FoundDifference>& differences) {
  json::array out;
  for (const auto& one : differences) {
    out.push_back(json::object{{"stream", model::to_text(one.stream)},
                               {"author", one.author},
                               {"class", static_cast<int>(one.stream.cls)},
                               {"from", one.from},
                               {"what", one.what},
                               {"remedy", one.remedy}});
  }
  return out;
}

}  // namespace

json::object comparisons_json(const Comparisons& comparisons) {
  json::array nodes;
  bool done = comparisons.own_done;
  for (const auto& node : comparisons.nodes) {
    done = done && node.state != "asked";
    json::object one{{"id", node.id.hex()},
                     {"name", node.name},
                     {"state", node.state},
                     {"streams", node.streams},
                     {"differences", differences_json(node.differences)},
                     {"more", node.more}};
    if (!node.why.empty()) one["why"] = node.why;
    nodes.push_back(std::move(one));
  }
  return {{"number", comparisons.number},
          {"begun_ms", ms_of(comparisons.begun)},
          {"done", done && comparisons.number != 0},
          {"own", json::object{{"done", comparisons.own_done},
                               {"streams", comparisons.own_streams},
                               {"events", comparisons.own_events},
                               {"differences", differences_json(comparisons.own)}}},
          {"nodes", std::move(nodes)}};
}

}  // namespace airbridge::api
