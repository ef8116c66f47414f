// The picture of another node, shown to who comes late until its own log holds as much.
#include <doctest/doctest.h>

#include "ledger/picture_transfer.hpp"
#include "test_ledger.hpp"

using namespace airbridge;
using namespace airbridge::app;
using namespace airbridge::app::test;

namespace {

// A post that has written, and one who joins its incident with an empty log.
struct Encounter {
  LedgerWorld post;
  Folder folder;
  Home late_home;
  net::EventLoop loop;
  SimDisk disk{9};
  std::unique_ptr<Ledger> late;
  std::vector<model::EntityId> written;

  Encounter() : late_home(post.home) {
    post.start();
    for (int i = 0; i < 30; ++i) written.push_back(post.command(message("from the post"))->entity);
    const auto now = SystemClock().now().utc;
    late_home = *join(folder / "late", {"LATE", "Bo", "", false},
                      *make_invitation(post.home, Milliseconds(86'400'000), now), now);
    auto state = std::make_shared<DiskHandle::State>();
    auto opened =
        Ledger::open_on(std::make_unique<DiskHandle>(disk, state), late_home, loop, post.clock, post.options, {});
    REQUIRE(opened);
    late = std::move(*opened);
    REQUIRE(until([&] { return late->waiting() == 0; }));
  }
  bool until(const std::function<bool()>& holds) {
    return eventually([&] {
      post.loop.run_for(Milliseconds(2));
      loop.run_for(Milliseconds(2));
      post.ledger->publish();
      late->publish();
      return holds();
    });
  }
  Bytes packed() {
    std::shared_ptr<const Bytes> bytes;
    bool done = false;
    post.ledger->pack_picture([&](std::shared_ptr<const Bytes> made) {
      bytes = std::move(made);
      done = true;
    });
    REQUIRE(until([&] { return done; }));
    REQUIRE(bytes);
    return *bytes;
  }
  bool shows(std::size_t i) const { return late->publish()->find(written[i]) != nullptr; }
  // All events of the post, as a peer brings them.
  void bring() {
    int waiting = 0;
    for (const auto& [stream, seq] : post.ledger->view().vector()) {
      for (auto& run : post.ledger->view().runs_after(stream, 0, std::size_t{1} << 30)) {
        ++waiting;
        late->accept(std::move(run), post.ledger->view().author_key(stream.writer.author),
                     [&](Accepted outcome, const std::string&) {
                       CHECK(outcome == Accepted::Written);
                       --waiting;
                     });
      }
    }
    REQUIRE(until([&] { return waiting == 0; }));
  }
};

}  // namespace

TEST_CASE("a newcomer shows the picture it was sent, as not verified, and its own as soon as its log gives the same") {
  Encounter meeting;
  CHECK_FALSE(meeting.shows(0));
  CHECK(meeting.late->wants_picture());
  const auto before = meeting.late->publish()->seq();
  const auto vector = meeting.late->view().vector();
  meeting.late->take_picture(meeting.packed());
  REQUIRE(meeting.until([&] { return meeting.shows(29); }));
  CHECK(meeting.late->publish()->seq() > before);
  CHECK_FALSE(meeting.late->publish()->changes_since(before));  // readers take everything anew
  CHECK(meeting.late->view().vector() == vector);               // nothing of it counts as held
  CHECK_FALSE(meeting.late->wants_picture());
  auto shown = meeting.late->provisional();
  REQUIRE(shown);
  CHECK(shown->from == meeting.post.home.node_key.id());
  CHECK(shown->events >= 30);
  CHECK(shown->here == 0);
  REQUIRE(meeting.late->problems().size() == 1);
  CHECK(meeting.late->problems().front().find("not yet verified") != std::string::npos);

  // What happens meanwhile is shown too, its own and others'.
  std::optional<api::CommandResult> answer;
  meeting.late->command(message("from the newcomer"), [&](api::CommandResult result) { answer = std::move(result); });
  REQUIRE(meeting.until([&] { return answer.has_value(); }));
  REQUIRE(*answer);
  CHECK(meeting.late->publish()->find((*answer)->entity) != nullptr);
  CHECK(meeting.shows(0));

  const auto newest = meeting.post.command(message("one more"))->entity;
  meeting.bring();
  CHECK(meeting.late->publish()->find(newest) != nullptr);
  meeting.post.clock.pass(Milliseconds(2'000));
  REQUIRE(meeting.until([&] { return !meeting.late->provisional(); }));
  CHECK(meeting.late->problems().empty());  // the same hash
  CHECK(meeting.shows(0));
  CHECK(meeting.late->publish()->find((*answer)->entity) != nullptr);
}

TEST_CASE("a picture is refused that is damaged, of another incident, of nobody's making, or not what it says") {
  Encounter meeting;
  const auto good = meeting.packed();
  const auto refuse = [&](Bytes bytes) {
    meeting.late->take_picture(std::move(bytes));
    REQUIRE(meeting.until([&] { return meeting.late->wants_picture(); }));
    CHECK_FALSE(meeting.late->provisional());
    CHECK_FALSE(meeting.shows(0));
  };
  refuse({});
  refuse(to_bytes(as_bytes("something else entirely")));
  for (std::size_t i = 0; i < good.size(); i += 97) {
    auto flipped = good;
    flipped[i] ^= 0x20;
    CAPTURE(i);
    CHECK_FALSE(ledger::open_transfer(flipped, meeting.late_home.incident));
    CHECK_FALSE(ledger::open_transfer(ByteView(good).first(i), meeting.late_home.incident));
  }
  CHECK_FALSE(ledger::open_transfer(good, model::IncidentId{}));
  auto opened = ledger::open_transfer(good, meeting.late_home.incident);
  REQUIRE(opened);
  // Signed by somebody whom nobody granted.
  refuse(ledger::pack_transfer(opened->head, opened->snapshot, key_of(77)));
  // Claims more events than their author sealed.
  auto head = opened->head;
  head.seals.front().seq += 1'000;
  const auto boast = ledger::pack_transfer(head, opened->snapshot, meeting.post.home.node_key);
  const auto why = ledger::open_transfer(boast, meeting.late_home.incident);
  REQUIRE_FALSE(why);
  CHECK(why.error().find("did not seal") != std::string::npos);
  // Another state than it names.
  head = opened->head;
  head.state.value[0] ^= 1;
  refuse(ledger::pack_transfer(head, opened->snapshot, meeting.post.home.node_key));
  // A bomb: what unpacks to more than its head says.
  head = opened->head;
  const Bytes zeros(8 << 20, 0);
  auto bomb = ledger::pack_transfer(head, zeros, meeting.post.home.node_key);
  CHECK_FALSE(ledger::open_transfer(bomb, meeting.late_home.incident));  // though honest about its size
  refuse(bomb);
  meeting.late->take_picture(good);
  CHECK(meeting.until([&] { return meeting.shows(0); }));
}
