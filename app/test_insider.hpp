#pragma once
// For tests: somebody who was granted, with its keys in the hands of the test.
#include <doctest/doctest.h>

#include "home.hpp"
#include "model/schema.hpp"
#include "sync/limits.hpp"
#include "sync/memory_log.hpp"
#include "sync/message.hpp"
#include "test_world.hpp"
#include "trust/author.hpp"

namespace airbridge::app::test {

inline model::Draft message_draft(std::string_view words) {
  const auto kind = model::RecordKind::Message;
  const auto field = [&](std::string_view text) {
    return model::find_field(static_cast<std::uint16_t>(kind), text)->key();
  };
  model::Draft draft;
  draft.record = static_cast<std::uint16_t>(kind);
  draft.via = model::Via::Web;
  draft.writes = {{field("text"), model::Value(std::string(words)), {}}};
  return draft;
}

// Writes with the keys of a node's folder, under an incarnation of its own.
struct Insider {
  Insider(const fs::path& dir, std::uint32_t incarnation)
      : home(*open_home(dir)),
        author(home.node_key, home.incident, incarnation, home.data_keys,
               [] { return FixedBytes<16, trust::SaltTag>{}; }),
        log(home.incident, {home.node_key.id(), incarnation}) {}
  // An event of our own making, as its author would send it.
  model::SealedRun make(const model::Draft& draft, Milliseconds ahead = Milliseconds(0)) {
    auto made = author.make(draft, SystemClock().now().utc + ahead, model::ClockQuality::Gnss);
    REQUIRE_MESSAGE(made, (made ? std::string() : made.error().faults.at(0).message));
    REQUIRE(made->size() == 1);
    return {{made->front().entry}, made->front().seal};
  }
  // Any bytes, sealed as they should be.
  model::SealedRun seal(model::Class cls, std::size_t size, std::uint8_t fill) {
    log.write(home.node_key, cls, size, fill);
    const model::StreamId stream{log.own_writer(), cls, {}};
    return log.runs_after(stream, log.vector().at(stream) - 1, 1).at(0);
  }
  Home home;
  trust::Author author;
  sync::MemoryLog log;
};

// A link to a node, of which the test writes every byte.
struct Link {
  Link(const TestNode& node, const Insider& insider) : client(node.peers()) {
    const auto& home = insider.home;
    say(sync::Hello{sync::protocol_version, home.incident, home.node_key.id(), "TEAM 3", 1, sync::Digest{1}, 0});
    say(sync::VectorMessage{});
    say(sync::Keys{{home.node_key.public_key()}});
  }
  void say(const sync::Message& message) { client.send(as_text(sync::encode(message))); }
  TcpClient client;
};

}  // namespace airbridge::app::test
