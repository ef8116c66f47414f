#pragma once
// Where this node itself is: a click on the page stands until a receiver has a fix, and outlives a restart; the
// configured place holds only until anything better is known. Core thread only.
#include <functional>
#include <optional>
#include <string>

#include "api/status.hpp"
#include "home.hpp"
#include "model/geometry.hpp"
#include "model/observation.hpp"

namespace airbridge::app {

// So often the configured place is said again while it stands, or it would grow stale.
inline constexpr Milliseconds config_position_every{60'000};

class OwnPlace {
 public:
  using Take = std::function<void(model::Observation&&)>;
  struct Options {
    model::EntityId own;             // the subject of its positions
    std::string callsign;            // shown with it
    std::filesystem::path home_dir;  // where a click is kept
    std::optional<model::Place> configured;
  };
  // `take` is where positions go; they come back through noted().
  OwnPlace(Options options, const Clock& clock, Take take)
      : options_(std::move(options)), clock_(clock), take_(std::move(take)) {}

  // Says where the node is by what was kept and by the configuration.
  void start();
  void place_configured();  // to be called every config_position_every
  // A person's click; none takes it back.
  void click(const std::optional<Position>& position, UtcTime now);
  // The node's own position was heard, from whatever source.
  void noted(const model::Observation& observation);

  const std::optional<api::OwnPosition>& standing() const { return standing_; }
  const model::EntityId& id() const { return options_.own; }

 private:
  void place(const model::Place& place, std::string source, UtcTime measured, bool ended = false);
  void withdraw();

  const Options options_;
  const Clock& clock_;
  const Take take_;
  std::optional<api::OwnPosition> standing_;
};

}  // namespace airbridge::app
