// The TAK gateway alone, as the node runs it, for the fan-out benchmark: every event is framed, checked, parsed, kept,
// turned into an observation and handed over; the observations end here. Prints "port N".
//   fanout_server [coalesce_ms]
#include <cstdio>
#include <cstdlib>

#include "base/log.hpp"
#include "gateway/tak/tak_server.hpp"

int main(int count, char** words) {
  using namespace airbridge;
  using namespace airbridge::gateway::tak;
  log::configure(log::Level::Error, log::Format::Text);
  net::EventLoop loop;
  const SystemClock clock;
  std::size_t handed_over = 0;
  TakLimits limits;
  if (count > 1) limits.coalesce = Milliseconds{std::atoi(words[1])};
  TakServer server(loop, clock, {.at = {"127.0.0.1", 0}, .limits = limits},
                   {.on_observations = [&](std::vector<model::Observation>&& batch) { handed_over += batch.size(); },
                    .on_reports = [](const std::vector<TakReport>&) { return true; }});
  if (const auto started = server.start(); !started) {
    std::fprintf(stderr, "%s\n", started.error().what.c_str());
    return 1;
  }
  std::printf("port %d\n", static_cast<int>(server.port()));
  std::fflush(stdout);
  loop.run();
}
