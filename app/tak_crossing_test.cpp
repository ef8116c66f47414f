#include "tak_crossing.hpp"

#include <doctest/doctest.h>

namespace airbridge::app {
namespace {

struct Stage {
  TakCrossing crossing{loop,
                       100,
                       {.take = [this](model::Observation&& one) { taken.push_back(std::move(one)); },
                        .take_reports = [this](const auto& some) { reports += some.size(); },
                        .waiting = [this] { return waiting; }}};
  static std::vector<model::Observation> batch(std::size_t first, std::size_t count) {
    std::vector<model::Observation> out(count);
    for (std::size_t i = 0; i < count; ++i) out[i].callsign = std::to_string(first + i);
    return out;
  }
  net::EventLoop loop;
  std::vector<model::Observation> taken;
  std::size_t reports = 0, waiting = 0;
};

gateway::tak::TakReport report(std::size_t drafts) {
  gateway::tak::TakReport out;
  out.drafts.resize(drafts);
  return out;
}

}  // namespace

TEST_CASE("positions that a busy core does not take are bounded: the oldest go and are counted") {
  Stage stage;
  constexpr std::size_t many = TakCrossing::observations_max + 500;
  for (std::size_t i = 0; i < many; i += 100) stage.crossing.put(Stage::batch(i, 100));
  CHECK(stage.crossing.dropped() == 500);
  for (int i = 0; i < 100 && stage.taken.size() < TakCrossing::observations_max; ++i)
    stage.loop.run_for(Milliseconds(20));
  REQUIRE(stage.taken.size() == TakCrossing::observations_max);
  CHECK(stage.taken.front().callsign == "500");
  CHECK(stage.taken.back().callsign == std::to_string(many - 1));
  stage.crossing.put(Stage::batch(0, 1));
  for (int i = 0; i < 100 && stage.taken.size() == TakCrossing::observations_max; ++i)
    stage.loop.run_for(Milliseconds(20));
  CHECK(stage.taken.back().callsign == "0");
}

TEST_CASE("reports posted and not yet run count, so that the gateway keeps what the core is behind with") {
  Stage stage;
  CHECK(stage.crossing.put({report(60)}));
  CHECK(stage.crossing.put({report(50)}));
  CHECK_FALSE(stage.crossing.put({report(1)}));  // the ledger has heard of none of it
  for (int i = 0; i < 100 && stage.reports < 2; ++i) stage.loop.run_for(Milliseconds(20));
  CHECK(stage.reports == 2);
  CHECK(stage.crossing.put({report(1)}));
  stage.waiting = 100;
  CHECK_FALSE(stage.crossing.put({report(1)}));
}

}  // namespace airbridge::app
