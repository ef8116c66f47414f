// Private parts that stay home where a channel may not be encrypted, and how they come later.
#include <arpa/inet.h>
#include <poll.h>
#include <sys/socket.h>
#include <unistd.h>

#include <atomic>
#include <thread>

#include "home.hpp"
#include "store/log.hpp"
#include "store/posix_disk.hpp"
#include "test_links.hpp"

using namespace airbridge;
using namespace airbridge::app::test;

namespace {

constexpr std::size_t group_and_epoch = 13;  // bytes before the ciphertext proper

// A cable between two nodes that speak UDP, on which everything is heard.
class Tap {
 public:
  Tap() {
    for (auto& end : ends_) {
      end.socket = ::socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0);
      sockaddr_in any{};
      any.sin_family = AF_INET;
      any.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
      REQUIRE(::bind(end.socket, reinterpret_cast<const sockaddr*>(&any), sizeof(any)) == 0);
      socklen_t size = sizeof(any);
      REQUIRE(::getsockname(end.socket, reinterpret_cast<sockaddr*>(&any), &size) == 0);
      end.port = ntohs(any.sin_port);
    }
    thread_ = std::thread([this] { carry(); });
  }
  ~Tap() {
    stop();
    for (const auto& end : ends_) ::close(end.socket);
  }
  Tap(const Tap&) = delete;
  Tap& operator=(const Tap&) = delete;

  Args bearer(std::size_t node, const std::string& options) const {
    return {"--bearer", fmt::format("udp://127.0.0.1:{}?interval=1s&{}", ends_[node].port, options)};
  }
  void stop() {
    stopping_ = true;
    if (thread_.joinable()) thread_.join();
  }
  // After stop(): whether a datagram holds so many of these bytes, one behind the other.
  bool heard(ByteView bytes, std::size_t count) const {
    for (std::size_t at = 0; at + count <= bytes.size(); ++at) {
      const auto wanted = bytes.subspan(at, count);
      for (const auto& datagram : heard_) {
        if (!std::ranges::search(datagram, wanted).empty()) return true;
      }
    }
    return false;
  }

 private:
  struct End {
    int socket = -1;
    std::uint16_t port = 0;
    sockaddr_in node{};  // at this end, once it said something
  };
  void carry() {
    Bytes datagram(65'536);
    while (!stopping_) {
      pollfd ready[] = {{ends_[0].socket, POLLIN, 0}, {ends_[1].socket, POLLIN, 0}};
      if (::poll(ready, 2, 20) <= 0) continue;
      for (std::size_t i = 0; i < 2; ++i) {
        if ((ready[i].revents & POLLIN) == 0) continue;
        socklen_t size = sizeof(ends_[i].node);
        const auto n = ::recvfrom(ends_[i].socket, datagram.data(), datagram.size(), 0,
                                  reinterpret_cast<sockaddr*>(&ends_[i].node), &size);
        if (n <= 0) continue;
        heard_.emplace_back(datagram.begin(), datagram.begin() + n);
        const auto& to = ends_[1 - i];
        if (to.node.sin_port != 0)
          (void)::sendto(to.socket, datagram.data(), static_cast<std::size_t>(n), 0,
                         reinterpret_cast<const sockaddr*>(&to.node), sizeof(to.node));
      }
    }
  }
  End ends_[2];
  std::atomic<bool> stopping_ = false;
  std::vector<Bytes> heard_;  // the thread's until stop()
  std::thread thread_;
};

json::array casualty(const std::string& name) {
  return {write_of("triage", "red"), write_of("identity", name), write_of("condition", "Hypothermia of " + name)};
}

// The private parts in the log of a node that is stopped, in the order of their events.
std::vector<model::PrivatePart> private_parts(const fs::path& dir) {
  const auto home = app::open_home(dir.string());
  REQUIRE(home);
  // Of a copy: whoever opens a log writes into it.
  const Folder copy;
  fs::copy(home->store_dir(), copy / "store", fs::copy_options::recursive);
  auto disk = store::PosixDisk::open((copy / "store").string(), store::PosixDisk::Missing::Refuse);
  REQUIRE(disk);
  auto log = store::Log::open(**disk, home->incident, {}, UtcTime{});
  REQUIRE(log);
  std::vector<model::PrivatePart> out;
  for (const auto& [stream, seq] : log->vector()) {
    for (std::uint64_t n = 1; n <= seq; ++n) {
      const auto entry = log->read_entry(stream, n);
      REQUIRE(entry);
      if (entry->entry.private_part.state != model::PrivatePart::State::Absent)
        out.push_back(entry->entry.private_part);
    }
  }
  return out;
}

bool shows_name(const TestNode& node, const std::string& id) {
  return node.entity_becomes(id, [](const json::object& entity) {
    return !field_of(entity, "identity").empty() && !entity.contains("private_lacking");
  });
}

}  // namespace

TEST_CASE("without encryption private parts stay home, are shown as lacking, and come later with a bundle") {
  Crew crew(2);
  Tap tap;
  for (std::size_t i = 0; i < 2; ++i) crew.start(i, tap.bearer(i, "rate=1M&delay=20ms&encrypt=no"));
  auto &a = crew[0], &b = crew[1];
  const auto first = a.create("casualty", casualty("Jo Example"));
  REQUIRE(shows_name(a, first));
  // The public part arrives, and both say the same hash.
  REQUIRE(b.entity_becomes(first, [](const json::object& entity) {
    return field_of(entity, "triage").contains("value") && entity.contains("private_lacking");
  }));
  const auto entity = b.entity(first).as_object();
  CHECK(field_of(entity, "triage").at("value") == "red");
  CHECK(field_of(entity, "identity").empty());
  CHECK(field_of(entity, "condition").empty());
  CHECK(entity.at("private_lacking") == 1);
  CHECK(agree(a, b));
  const auto second = a.create("casualty", casualty("Bo Example"));
  REQUIRE(b.entity_becomes(second, [](const json::object& seen) { return seen.contains("private_lacking"); }));
  CHECK(agree(a, b));

  // On the wire was the hash of each, and nothing of the rest.
  REQUIRE(a.stop() == 0);
  REQUIRE(b.stop() == 0);
  tap.stop();
  const auto at_home = private_parts(a.dir()), withheld = private_parts(b.dir());
  REQUIRE(at_home.size() == 2);
  REQUIRE(withheld.size() == 2);
  for (std::size_t i = 0; i < 2; ++i) {
    CHECK(at_home[i].state == model::PrivatePart::State::Here);
    CHECK(withheld[i] == model::PrivatePart::withheld(at_home[i].hash));
    CHECK(tap.heard(at_home[i].hash.view(), 16));
    // The group's name, in front of it, stands in every grant.
    CHECK_FALSE(tap.heard(ByteView(at_home[i].ciphertext).subspan(group_and_epoch), 8));
  }
  CHECK_FALSE(tap.heard(as_bytes("Jo Example"), 6));

  const auto file = [&](const char* name) { return (crew.folder / name).string(); };
  const auto carry = [&](const std::string& said, const std::string& name) {
    const auto read = run({"bundle", "read", "--dir", b.dir().string(), name});
    CHECK_MESSAGE(read.status == 0, read.all());
    CHECK_MESSAGE(read.out.find(said) != std::string::npos, read.all());
    return read;
  };
  SUBCASE("when it asks") {
    const auto asked = run({"bundle", "ask", "--dir", b.dir().string(), file("ask")});
    REQUIRE_MESSAGE(asked.status == 0, asked.all());
    const auto written = run({"bundle", "write", "--dir", a.dir().string(), "--since", file("ask"), file("answer")});
    REQUIRE_MESSAGE(written.status == 0, written.all());
    CHECK_MESSAGE(written.out.find(": 0 events") != std::string::npos, written.all());
    CHECK_MESSAGE(written.out.find("the private part of 2 events") != std::string::npos, written.all());
    carry("brought the private part of 2 events", file("answer"));
  }
  SUBCASE("when the last bundle it wrote says so") {
    REQUIRE(run({"bundle", "write", "--dir", b.dir().string(), file("back")}).status == 0);
    REQUIRE(run({"bundle", "read", "--dir", a.dir().string(), file("back")}).status == 0);
    const auto written = run({"bundle", "write", "--dir", a.dir().string(), "--for", "TEAM 2", file("news")});
    REQUIRE_MESSAGE(written.status == 0, written.all());
    CHECK_MESSAGE(written.out.find("the private part of 2 events") != std::string::npos, written.all());
    carry("brought the private part of 2 events", file("news"));
  }
  SUBCASE("and of a bundle of everything") {
    REQUIRE(run({"bundle", "write", "--dir", a.dir().string(), file("all")}).status == 0);
    carry("brought the private part of 2 events", file("all"));
    CHECK(carry("here already", file("all")).out.find("private part") == std::string::npos);
  }
  b.start();
  CHECK(shows_name(b, first));
  CHECK(shows_name(b, second));
  CHECK(field_of(b.entity(first).as_object(), "identity").at("value") == "Jo Example");
  REQUIRE(b.stop() == 0);
  CHECK(private_parts(b.dir()) == at_home);
}
