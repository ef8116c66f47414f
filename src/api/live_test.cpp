#include "api/live.hpp"

#include <doctest/doctest.h>
#include <fmt/format.h>

#include <map>
#include <set>

#include "api/server.hpp"
#include "net/test_http.hpp"
#include "picture/test_world.hpp"

using namespace airbridge;
using namespace airbridge::api;
using model::RecordKind;
using net::testing::TestPeer;
using net::testing::WebSocketTestClient;

namespace {

// A node that is only a fold, whose publishes the test chooses.
struct FakeNode final : Backend {
  explicit FakeNode(picture::FoldLimits limits = {}) : fold(world.fold(limits)) {
    fold.apply(world.grant(2));
    publish();
    auto first = std::make_shared<Status>();
    first->node.name = "N1";
    shown_status = first;
  }
  void publish() { shown = fold.publish(); }
  model::EntityId casualty(int triage) {
    const auto event =
        world.create(2, RecordKind::Casualty, {picture::test::write(RecordKind::Casualty, "triage", triage)});
    fold.apply(event);
    publish();
    return event.event->entity;
  }
  model::EntityId hears(std::string_view icao, double lat, int second) {
    model::Observation heard;
    heard.subject = model::external_name("icao", icao);
    heard.kind = model::SubjectKind::Aircraft;
    heard.via = model::Via::Adsb;
    heard.source = "test";
    heard.measured = utc_from_ms(1'700'000'000'000 + second * 1000);
    heard.position = *Position::from_degrees(lat, 11);
    fold.observe(heard, heard.measured);
    publish();
    return heard.subject;
  }
  void problem(std::string words) {
    auto next = std::make_shared<Status>(*shown_status);
    next->problems = {std::move(words)};
    shown_status = next;
  }

  std::shared_ptr<const picture::Picture> picture() override { return shown; }
  std::shared_ptr<const Status> status() override { return shown_status; }
  void command(model::Draft, std::function<void(CommandResult)>) override {}
  void own_position(std::optional<Position>, std::function<void(CommandResult)>) override {}
  void journal(JournalQuery, std::function<void(Result<JournalPage, CommandError>)> done) override {
    asked_journal.push_back(std::move(done));
  }
  void recording(std::string, std::string, std::function<void(Result<Played, CommandError>)>) override {}
  Result<BackupInfo, CommandError> begin_backup(bool) override { return failure(CommandError{}); }
  std::optional<BackupInfo> backup(std::uint64_t) override { return std::nullopt; }
  void compare(std::string peer,
               std::function<void(Result<std::shared_ptr<const Comparisons>, CommandError>)> done) override {
    if (!peer.empty()) return done(failure(CommandError{404, "not_found", "no such node is in reach", "", ""}));
    done(comparisons());
  }
  std::shared_ptr<const Comparisons> comparisons() override { return std::make_shared<const Comparisons>(); }
  std::string metrics() override { return {}; }

  picture::test::World world;
  picture::Fold fold;
  std::shared_ptr<const picture::Picture> shown;
  std::shared_ptr<const Status> shown_status;
  std::vector<std::function<void(Result<JournalPage, CommandError>)>> asked_journal;
};

struct Site {
  FakeNode node;
  SystemClock clock;
  net::EventLoop loop;
  std::unique_ptr<Server> server;
  explicit Site(const LiveLimits& live = {}, picture::FoldLimits fold = {}) : node(fold) { start(live); }
  void start(const LiveLimits& live) {
    ServerOptions options;
    options.at = {"127.0.0.1", 0};
    options.live = live;
    auto made = Server::create(loop, clock, node, options);
    REQUIRE(made);
    server = std::move(*made);
  }
};

// A page as docs/protocol/api.md wants one: it applies what follows on and refuses everything else.
class Page {
 public:
  explicit Page(Site& site) : site_(site) {}

  void open(std::string_view query = {}, int receive_buffer = 0) {
    client_ = std::make_unique<WebSocketTestClient>(TestPeer(site_.loop, site_.server->port(), receive_buffer));
    REQUIRE(client_->open(fmt::format("/api/v1/live{}", query)).status == 101);
    const auto hello = next();
    REQUIRE(hello.at("type") == "hello");
    epoch = hello.at("epoch").as_string();
    gathered_.clear();
  }
  void resume() { open(fmt::format("?epoch={}&since={}", epoch, seq)); }
  void close() { client_.reset(); }

  json::object next() {
    for (;;) {
      const auto message = client_->read();
      REQUIRE_MESSAGE(message.has_value(), "the node ended the connection");
      if (message->opcode == net::WebSocketOpcode::Close) {
        closed_with = message->close_code;
        return {{"type", "closed"}};
      }
      if (message->opcode != net::WebSocketOpcode::Text) continue;
      messages.push_back(message->payload.size());
      return json::parse(message->payload).as_object();
    }
  }
  // Takes one message in; its type.
  std::string take() {
    const auto message = next();
    const std::string type(message.at("type").as_string());
    const auto number = [&](std::string_view key) { return message.at(key).to_number<std::uint64_t>(); };
    if (type == "snapshot") {
      if (number("part") == 1) gathered_.clear();
      REQUIRE(gathered_.size() + 1 == number("part"));
      gathered_.push_back(message);
      if (message.at("more").as_bool()) return "more";
      records.clear();
      for (const auto& part : gathered_) {
        REQUIRE(part.at("seq") == message.at("seq"));
        put(part);
      }
      gathered_.clear();
      seq = number("seq");
    } else if (type == "part" || type == "delta") {
      REQUIRE(number("from") == seq);
      put(message);
      for (const auto* list : {"removed", "removed_tracks"}) {
        for (const auto& id : message.at(list).as_array()) records.erase(std::string(id.as_string()));
      }
      if (type == "delta") seq = number("seq");
    } else if (type == "beat") {
      CHECK(number("seq") == seq);
    }
    kinds.push_back(type);
    return type;
  }
  // Takes in until the page shows what the node does.
  bool comes_to(const picture::Picture& picture) {
    for (int i = 0; i < 10'000; ++i) {
      if (shows(picture)) return true;
      if (take() == "closed") return false;
    }
    return false;
  }
  bool shows(const picture::Picture& picture) const {
    const NameOf names = [&](const model::KeyId& key) { return picture.roster().name_of(key); };
    std::map<std::string, std::string> wanted;
    for (const auto& entity : picture.entities().sorted())
      wanted[model::to_text(entity->id)] =
          json::serialize(entity_json(*entity, saved_of(*entity, *site_.node.shown_status, names), false, names));
    for (const auto* track : picture.tracks().sorted())
      wanted[model::to_text(track->id)] = json::serialize(track_json(*track, names));
    return wanted == records;
  }
  bool got(std::string_view kind) const { return std::find(kinds.begin(), kinds.end(), kind) != kinds.end(); }
  void forget_what_came() {
    kinds.clear();
    messages.clear();
  }

  std::string epoch;
  std::uint64_t seq = 0;
  std::map<std::string, std::string> records;  // id: JSON
  std::string status;
  std::vector<std::string> kinds;
  std::vector<std::size_t> messages;  // their sizes
  std::uint16_t closed_with = 0;
  WebSocketTestClient& client() { return *client_; }

 private:
  void put(const json::object& message) {
    for (const auto* list : {"entities", "tracks"}) {
      for (const auto& one : message.at(list).as_array())
        records[std::string(one.as_object().at("id").as_string())] = json::serialize(one);
    }
    if (const auto* said = message.if_contains("status")) status = json::serialize(*said);
  }
  Site& site_;
  std::unique_ptr<WebSocketTestClient> client_;
  std::vector<json::object> gathered_;
};

void work(Site& site) { site.loop.run_for(2 * live_tick); }

}  // namespace

TEST_CASE("a page that comes back within the window gets what changed and nothing else") {
  Site site;
  site.node.casualty(1);
  site.node.hears("aaaaaa", 47, 1);
  Page page(site);
  page.open();
  REQUIRE(page.comes_to(*site.node.shown));
  CHECK(page.got("snapshot"));
  page.close();
  const auto fresh = site.node.casualty(2);
  work(site);
  site.node.hears("aaaaaa", 47.5, 2);
  work(site);

  page.forget_what_came();
  page.resume();
  REQUIRE(page.comes_to(*site.node.shown));
  CHECK_FALSE(page.got("snapshot"));
  CHECK(page.records.contains(model::to_text(fresh)));
}

TEST_CASE("a page that has everything already is told so by a beat") {
  Site site;
  site.node.casualty(1);
  Page page(site);
  page.open();
  REQUIRE(page.comes_to(*site.node.shown));
  page.close();
  page.forget_what_came();
  page.resume();
  CHECK(page.take() == "beat");
}

TEST_CASE("a page whose number is older than the steps kept takes the whole picture") {
  Site site(LiveLimits{.steps_max = 3});
  site.node.casualty(1);
  Page page(site);
  page.open();
  REQUIRE(page.comes_to(*site.node.shown));
  Page other(site);  // for whom the hub goes on making steps
  other.open();
  REQUIRE(other.comes_to(*site.node.shown));
  page.close();
  for (int i = 0; i < 5; ++i) {
    site.node.hears("aaaaaa", 47 + i * 0.1, i);
    REQUIRE(other.comes_to(*site.node.shown));
  }
  page.forget_what_came();
  page.resume();
  REQUIRE(page.comes_to(*site.node.shown));
  CHECK(page.got("snapshot"));
  CHECK_FALSE(page.got("delta"));
}

TEST_CASE("what changed while no page was open is one step for the page that comes back") {
  Site site(LiveLimits{.steps_max = 3});
  site.node.casualty(1);
  Page page(site);
  page.open();
  REQUIRE(page.comes_to(*site.node.shown));
  page.close();
  work(site);
  for (int i = 0; i < 5; ++i) {
    site.node.hears("aaaaaa", 47 + i * 0.1, i);
    work(site);
  }
  page.forget_what_came();
  page.resume();
  REQUIRE(page.comes_to(*site.node.shown));
  CHECK(page.got("delta"));
  CHECK_FALSE(page.got("snapshot"));
}

TEST_CASE("a page that knows another life of the node, or a number of the future, takes the whole picture") {
  Site site;
  site.node.casualty(1);
  Page page(site);
  page.open();
  REQUIRE(page.comes_to(*site.node.shown));
  const auto epoch = page.epoch;
  const auto seq = page.seq;
  site.server.reset();
  site.start({});
  for (const auto& query : {fmt::format("?epoch={}&since={}", epoch, seq), fmt::format("?epoch=&since={}", seq),
                            std::string("?since=1"), fmt::format("?epoch={}&since=99999999", epoch),
                            fmt::format("?epoch={}&since=-1", epoch), fmt::format("?epoch={}&since=1x", epoch)}) {
    CAPTURE(query);
    Page other(site);
    other.open(query);
    REQUIRE(other.comes_to(*site.node.shown));
    CHECK(other.got("snapshot"));
    CHECK(other.epoch != epoch);
  }
}

TEST_CASE("after more publishes than the picture keeps changes of, pages that are open take it anew") {
  picture::FoldLimits fold;
  fold.publishes_kept = 4;
  Site site({}, fold);
  const auto lost_update = site.node.hears("aaaaaa", 47, 1);
  Page page(site);
  page.open();
  REQUIRE(page.comes_to(*site.node.shown));
  page.forget_what_came();
  // All of these fall between two looks of the hub; the first can no longer be told from the picture's own changes.
  site.node.hears("aaaaaa", 48, 2);
  for (int i = 0; i < 10; ++i) site.node.hears("bbbbbb", 40 + i, i);
  site.node.problem("something else changed as well");
  REQUIRE(page.comes_to(*site.node.shown));
  CHECK(page.got("snapshot"));
  CHECK(page.records.at(model::to_text(lost_update)).find("4.8E1") != std::string::npos);

  // And so does one that was away.
  page.close();
  site.node.hears("aaaaaa", 49, 20);
  for (int i = 0; i < 10; ++i) site.node.hears("cccccc", 40 + i, i);
  work(site);
  site.node.casualty(1);
  work(site);
  page.forget_what_came();
  page.resume();
  REQUIRE(page.comes_to(*site.node.shown));
  CHECK(page.got("snapshot"));
}

TEST_CASE("pages at different numbers come to the same picture") {
  Site site;
  site.node.casualty(1);
  Page early(site), late(site), steady(site);
  early.open();
  REQUIRE(early.comes_to(*site.node.shown));
  steady.open();
  REQUIRE(steady.comes_to(*site.node.shown));
  early.close();
  site.node.hears("aaaaaa", 47, 1);
  REQUIRE(steady.comes_to(*site.node.shown));
  late.open();
  REQUIRE(late.comes_to(*site.node.shown));
  late.close();
  site.node.casualty(3);
  REQUIRE(steady.comes_to(*site.node.shown));
  REQUIRE(early.seq < late.seq);
  for (auto* page : {&early, &late}) {
    page->forget_what_came();
    page->resume();
  }
  REQUIRE(late.comes_to(*site.node.shown));
  REQUIRE(early.comes_to(*site.node.shown));
  CHECK_FALSE(early.got("snapshot"));
  CHECK_FALSE(late.got("snapshot"));
  CHECK(early.records == steady.records);
}

TEST_CASE("a record that other nodes hold now is told again") {
  Site site;
  const auto id = model::to_text(site.node.casualty(1));
  Page page(site);
  page.open();
  REQUIRE(page.comes_to(*site.node.shown));
  CHECK(page.records.at(id).find(R"("others":0)") != std::string::npos);
  const auto entity = site.node.shown->find(*model::entity_from_text(id));
  REQUIRE(entity != nullptr);
  auto held = std::make_shared<HeldTable>();
  for (const auto& dot : entity->coverage) (*held)[dot.stream()][picture::test::key_of(9).id()] = dot.seq;
  auto next = std::make_shared<Status>(*site.node.shown_status);
  next->held = held;
  site.node.shown_status = next;
  REQUIRE(page.comes_to(*site.node.shown));
  CHECK(page.records.at(id).find(R"("others":1)") != std::string::npos);
}

TEST_CASE("a picture larger than a message and than the send queue comes in parts, and is applied when all are there") {
  LiveLimits limits;
  limits.part_bytes = 4 * 1024;
  limits.queue_bytes_max = 16 * 1024;
  limits.unread_bytes_max = 2 * 1024;
  Site site(limits);
  for (int i = 0; i < 300; ++i) site.node.hears(fmt::format("{:06x}", i), 40 + i * 0.01, 1);
  for (int i = 0; i < 20; ++i) site.node.casualty(1);
  Page page(site);
  page.open();
  REQUIRE(page.take() == "more");
  CHECK(page.records.empty());
  REQUIRE(page.comes_to(*site.node.shown));
  std::size_t all = 0;
  for (const auto size : page.messages) {
    CHECK(size < 2 * limits.part_bytes);
    all += size;
  }
  CHECK(all > 4 * limits.queue_bytes_max);

  // So does a difference.
  page.forget_what_came();
  page.close();
  for (int i = 0; i < 300; ++i) site.node.hears(fmt::format("{:06x}", i), 50, 2);
  work(site);
  page.resume();
  REQUIRE(page.comes_to(*site.node.shown));
  CHECK(page.got("part"));
  CHECK_FALSE(page.got("snapshot"));
}

TEST_CASE("what changes while the parts are on their way follows as a difference") {
  LiveLimits limits;
  limits.part_bytes = 2 * 1024;
  limits.queue_bytes_max = 16 * 1024;
  limits.unread_bytes_max = 1024;
  Site site(limits);
  for (int i = 0; i < 200; ++i) site.node.hears(fmt::format("{:06x}", i), 40 + i * 0.01, 1);
  Page first(site), second(site);
  first.open();
  REQUIRE(first.take() == "more");
  for (int i = 0; i < 200; i += 7) site.node.hears(fmt::format("{:06x}", i), 50, 2);
  const auto fresh = site.node.casualty(1);
  work(site);
  second.open();  // shares what is being sent
  REQUIRE(first.comes_to(*site.node.shown));
  REQUIRE(second.comes_to(*site.node.shown));
  CHECK(first.got("delta"));
  CHECK(first.records.contains(model::to_text(fresh)));
  CHECK(first.records == second.records);
}

TEST_CASE("a socket that drops in the middle of a frame costs nothing but the attempt") {
  LiveLimits limits;
  limits.part_bytes = 32 * 1024;
  Site site(limits);
  for (int i = 0; i < 500; ++i) site.node.hears(fmt::format("{:06x}", i), 40 + i * 0.01, 1);
  Page page(site);
  for (int i = 0; i < 3; ++i) {
    page.open();
    auto& peer = page.client().peer();
    peer.wait_for_size(5'000);
    REQUIRE(peer.received().size() < 600'000);
    page.close();
  }
  page.open();
  REQUIRE(page.comes_to(*site.node.shown));
  // In the middle of a difference: the page still stands at the number before it.
  const auto before = page.seq;
  for (int i = 0; i < 500; ++i) site.node.hears(fmt::format("{:06x}", i), 50, 2);
  page.client().peer().wait_for_size(5'000);
  page.close();
  CHECK(page.seq == before);
  page.resume();
  REQUIRE(page.comes_to(*site.node.shown));
}

TEST_CASE("a page that does not read is not sent more than its queue, and the others notice nothing") {
  LiveLimits limits;
  limits.part_bytes = 64 * 1024;
  Site site(limits);
  for (int i = 0; i < 2'000; ++i) site.node.hears(fmt::format("{:06x}", i), 40 + i * 0.001, 1);
  Page deaf(site), page(site);
  deaf.open("", 4 * 1024);
  page.open();
  REQUIRE(page.comes_to(*site.node.shown));
  for (int second = 2; second < 6; ++second) {
    for (int i = 0; i < 2'000; i += 10) site.node.hears(fmt::format("{:06x}", i), 40 + second, second);
    REQUIRE(page.comes_to(*site.node.shown));
  }
  REQUIRE(deaf.comes_to(*site.node.shown));
}

TEST_CASE("a record that no message can hold closes the page with a reason instead of being counted as sent") {
  LiveLimits limits;
  limits.part_bytes = 1024;
  limits.queue_bytes_max = 8 * 1024;
  limits.unread_bytes_max = 512;
  Site site(limits);
  for (int i = 0; i < 20; ++i) site.node.casualty(1);
  using picture::test::write;
  site.node.fold.apply(
      site.node.world.create(2, RecordKind::Casualty, {write(RecordKind::Casualty, "note", std::string(20'000, 'x'))}));
  site.node.publish();
  Page page(site);
  page.open();
  CHECK_FALSE(page.comes_to(*site.node.shown));
  CHECK(page.closed_with == net::close_code::try_again_later);
  CHECK(page.records.empty());
}

TEST_CASE("the whole picture over HTTP is the one that pages show") {
  Site site;
  site.node.casualty(1);
  site.node.hears("aaaaaa", 47, 1);
  TestPeer peer(site.loop, site.server->port());
  const auto answer = net::testing::fetch(peer, "GET", "/api/v1/state");
  REQUIRE(answer.status == 200);
  const auto state = json::parse(answer.body).as_object();
  CHECK(state.at("entities").as_array().size() == site.node.shown->entities().size());
  CHECK(state.at("tracks").as_array().size() == 1);
  CHECK(state.contains("server_ms"));
}

TEST_CASE("a journal that is not indexed yet holds nobody up, and says how far it is") {
  Site site;
  site.node.casualty(1);
  Page page(site);
  page.open();
  REQUIRE(page.comes_to(*site.node.shown));
  TestPeer peer(site.loop, site.server->port());
  peer.send(net::testing::request_text("GET", "/api/v1/events"));
  while (site.node.asked_journal.empty()) work(site);
  page.forget_what_came();
  for (int i = 0; i < 3; ++i) CHECK(page.take() == "beat");  // the journal has not answered yet

  JournalPage rows;
  rows.indexed_through = 7;
  rows.durable_to = 9;
  site.node.asked_journal.front()(rows);
  const auto answer = net::testing::read_reply(peer);
  REQUIRE(answer.status == 200);
  const auto body = json::parse(answer.body).as_object();
  CHECK(body.at("complete") == false);
  CHECK(body.at("indexed_through").to_number<int>() == 7);
}

TEST_CASE("calls with a few numbers refuse a long body before it comes") {
  Site site;
  for (const auto* path : {"/api/v1/own-position", "/api/v1/backups"}) {
    CAPTURE(path);
    TestPeer peer(site.loop, site.server->port());
    peer.send(fmt::format("POST {} HTTP/1.1\r\nHost: 127.0.0.1\r\nContent-Length: 10000\r\n\r\n", path));
    CHECK(net::testing::read_reply(peer).status == 413);
  }
}
