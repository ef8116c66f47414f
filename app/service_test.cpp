// The node as a service: signals, systemd, metrics, help, and its own position.
#include <arpa/inet.h>
#include <doctest/doctest.h>
#include <fmt/format.h>
#include <poll.h>
#include <signal.h>
#include <sys/socket.h>
#include <sys/time.h>
#include <sys/un.h>
#include <unistd.h>

#include <cstring>
#include <map>
#include <set>
#include <sstream>
#include <thread>

#include "base/time.hpp"
#include "test_world.hpp"

using namespace airbridge::app::test;

namespace {

// The service manager's end of sd_notify(3).
class NotifySocket {
 public:
  explicit NotifySocket(const fs::path& path) : fd_(::socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC, 0)) {
    sockaddr_un address{};
    address.sun_family = AF_UNIX;
    std::strncpy(address.sun_path, path.c_str(), sizeof address.sun_path - 1);
    REQUIRE(::bind(fd_, reinterpret_cast<const sockaddr*>(&address), sizeof address) == 0);
    const timeval limit{patience.count(), 0};
    ::setsockopt(fd_, SOL_SOCKET, SO_RCVTIMEO, &limit, sizeof limit);
  }
  ~NotifySocket() { ::close(fd_); }
  NotifySocket(const NotifySocket&) = delete;
  NotifySocket& operator=(const NotifySocket&) = delete;
  std::string next() const {
    char buffer[256];
    const auto n = ::recv(fd_, buffer, sizeof buffer, 0);
    return n > 0 ? std::string(buffer, static_cast<std::size_t>(n)) : std::string();
  }

 private:
  int fd_;
};

// Says what gpsd would, to one client after the other, on a port the system chose.
class FakeGpsd {
 public:
  FakeGpsd() : listener_(::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0)) {
    sockaddr_in at{};
    at.sin_family = AF_INET;
    at.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    REQUIRE(::bind(listener_, reinterpret_cast<const sockaddr*>(&at), sizeof at) == 0);
    REQUIRE(::listen(listener_, 4) == 0);
    socklen_t length = sizeof at;
    ::getsockname(listener_, reinterpret_cast<sockaddr*>(&at), &length);
    port_ = ntohs(at.sin_port);
    thread_ = std::jthread([this](const std::stop_token& stop) { serve(stop); });
  }
  ~FakeGpsd() {
    thread_.request_stop();
    thread_.join();
    ::close(listener_);
  }
  FakeGpsd(const FakeGpsd&) = delete;
  FakeGpsd& operator=(const FakeGpsd&) = delete;
  std::string address() const { return fmt::format("127.0.0.1:{}", port_); }

 private:
  void serve(const std::stop_token& stop) const {
    int client = -1;
    while (!stop.stop_requested()) {
      pollfd waiting{listener_, POLLIN, 0};
      if (client < 0 && ::poll(&waiting, 1, 50) > 0) client = ::accept4(listener_, nullptr, nullptr, SOCK_CLOEXEC);
      if (client < 0) continue;
      const auto line = fmt::format(
          "{{\"class\":\"VERSION\",\"release\":\"3.22\",\"proto_major\":3,\"proto_minor\":14}}\r\n"
          "{{\"class\":\"TPV\",\"device\":\"/dev/ttyS0\",\"mode\":3,\"time\":\"{}\",\"lat\":46.5501,\"lon\":7.9801,"
          "\"altHAE\":812.0,\"epx\":4.0,\"epy\":4.0}}\r\n",
          airbridge::format_utc(airbridge::SystemClock().now().utc));
      if (::send(client, line.data(), line.size(), MSG_NOSIGNAL) < 0) ::close(std::exchange(client, -1));
      std::this_thread::sleep_for(std::chrono::milliseconds(200));
    }
    if (client >= 0) ::close(client);
  }

  int listener_;
  std::uint16_t port_ = 0;
  std::jthread thread_;
};

bool own_position_is(const TestNode& node, std::string_view source, double lat, double lon) {
  return eventually([&] {
    const auto status = node.status();
    const auto* own = status.if_contains("own_position");
    return own != nullptr && own->at("source").as_string() == source &&
           std::abs(own->at("lat").to_number<double>() - lat) < 1e-6 &&
           std::abs(own->at("lon").to_number<double>() - lon) < 1e-6;
  });
}

}  // namespace

TEST_CASE("SIGTERM ends a node cleanly, and systemd is told of both ends") {
  const Folder folder;
  init_node(folder / "n", "POST 1");
  for (const int signal : {SIGTERM, SIGINT}) {
    const auto path = folder / fmt::format("notify-{}", signal);
    const NotifySocket manager(path);
    TestNode node(folder / "n", {}, {{"NOTIFY_SOCKET", path.string()}});
    CHECK(manager.next() == "READY=1");
    CHECK(fs::exists(folder / "n/running"));
    node.create("journal", {write_of("text", "written")});
    const TcpClient idle(node.tak());  // an open client does not hold the node up
    const TcpClient half(node.http());
    half.send("POST /api/v1/commands HTTP/1.1\r\nHost: x\r\nContent-Length: 10\r\n\r\n{");
    node.process().send_signal(signal);
    CHECK(manager.next() == "STOPPING=1");
    CHECK(node.process().wait() == 0);
    CHECK_FALSE(fs::exists(folder / "n/running"));
    for (const auto& incident : fs::directory_iterator(folder / "n/incidents"))
      CHECK(fs::exists(incident.path() / "store/CLEAN"));
  }
  // A clean stop leaves no doubt: the incarnation goes on.
  TestNode node(folder / "n");
  CHECK(node.log().find("a new incarnation begins") == std::string::npos);
}

TEST_CASE("/metrics is what Prometheus reads") {
  const Folder folder;
  init_node(folder / "n", "POST \"1\"\\");
  TestNode node(folder / "n",
                {"--adsb", "127.0.0.1:1", "--adsb", "127.0.0.1:2", "--peer", "127.0.0.1:3", "--peer", "127.0.0.1:4"});
  std::istringstream text(node.get("/metrics").text);
  std::string line, family;
  std::set<std::string> families, samples;
  std::size_t values = 0;
  bool typed = false;
  while (std::getline(text, line)) {
    CAPTURE(line);
    if (line.starts_with("# HELP ")) {
      family = line.substr(7, line.find(' ', 7) - 7);
      typed = false;
      CHECK(families.insert(family).second);  // all samples of a family stand together
      CHECK(family.starts_with("airbridge_"));
    } else if (line.starts_with("# TYPE ")) {
      const auto space = line.find(' ', 7);
      CHECK(line.substr(7, space - 7) == family);
      const auto type = line.substr(space + 1);
      CHECK((type == "gauge" || type == "counter"));
      CHECK((type == "counter") == family.ends_with("_total"));
      typed = true;
    } else {
      REQUIRE(line.find(' ') != std::string::npos);
      CHECK(typed);
      const auto name = line.substr(0, line.find_first_of("{ "));
      CHECK(name == family);
      CHECK(samples.insert(line.substr(0, line.rfind(' '))).second);  // no series twice
      std::size_t read = 0;
      const auto number = line.substr(line.rfind(' ') + 1);
      CHECK_NOTHROW(static_cast<void>(std::stod(number, &read)));
      CHECK(read == number.size());
      ++values;
    }
  }
  CHECK(values > 20);
  CHECK(node.get("/healthz").body.at("status") == "ok");
}

TEST_CASE("every subcommand teaches, and refuses what it does not know") {
  const auto help = run({"--help"});
  CHECK(help.status == 0);
  for (const auto* name : {"init", "invite", "node", "status", "conflicts", "resolve", "compare", "events", "import",
                           "export", "replay", "backup", "restore", "diagnose", "config", "version"}) {
    CAPTURE(name);
    CHECK(help.out.find(fmt::format("  {} ", name)) != std::string::npos);
    const auto sub = run({name, "--help"});
    CHECK(sub.status == 0);
    CHECK(sub.out.find("Usage") != std::string::npos);
    CHECK(sub.out.find("A first picture") == std::string::npos);  // once is enough
    CHECK(run({name, "--no-such-option"}).status == 2);
  }
  CHECK(help.out.find("A first picture") != std::string::npos);
  CHECK(run({}).status == 2);
  CHECK(run({"fly"}).status == 2);
  CHECK(run({"version"}).out.find("event format 1") != std::string::npos);
  CHECK(run({"--version"}).status == 0);
  const Folder folder;
  for (const auto* name : {"node", "status", "events", "export", "replay", "invite"}) {
    CAPTURE(name);
    const auto ended = run({name, "--dir", (folder / "nothing").string()});
    CHECK(ended.status == 1);
    CHECK((ended.err.find("airbridge init") != std::string::npos ||
           ended.err.find("airbridge node") != std::string::npos));
    CHECK_FALSE(fs::exists(folder / "nothing"));
  }
}

TEST_CASE("the man page and the completion know the options that the program knows") {
  const auto man = read_text(std::string(AIRBRIDGE_SOURCE_DIR) + "/docs/man/airbridge.1");
  const auto completion = read_text(std::string(AIRBRIDGE_SOURCE_DIR) + "/docs/completion/airbridge.bash");
  for (const std::string name : {"init", "invite", "node", "status", "conflicts", "resolve", "events", "import",
                                 "export", "replay", "backup", "restore", "diagnose", "config"}) {
    CAPTURE(name);
    const auto from = man.find(fmt::format("\n.Nm\n.Cm {}\n", name));
    REQUIRE(from != std::string::npos);
    const auto synopsis = man.substr(from, man.find("\n.Nm\n", from + 5) - from);
    // The line of the completion that lists this one's options: "    export | diagnose) options=...".
    std::string listed, line;
    for (std::istringstream lines(completion); std::getline(lines, line);) {
      const auto names = " " + line.substr(0, line.find(')')) + " ";
      if (line.find(") options=\"") != std::string::npos && names.find(" " + name + " ") != std::string::npos)
        listed = line.substr(line.find('"')) + " ";
    }
    std::size_t options = 0;
    for (std::istringstream lines(run({name, "--help"}).out); std::getline(lines, line);) {
      const auto at = line.find("--");
      if (!line.starts_with("  -") || at == std::string::npos || at > 6 || line.find("--help") == at) continue;
      ++options;
      const auto option = line.substr(at, line.find_first_of(" ,=", at) - at);
      CAPTURE(option);
      CHECK((listed + " ").find(option + (listed.find(option + "\"") != std::string::npos ? "\"" : " ")) !=
            std::string::npos);
      const bool by_short_name = at > 2 && synopsis.find(fmt::format("Fl {}", line[3])) != std::string::npos;
      CHECK((by_short_name || synopsis.find("Fl " + option.substr(1)) != std::string::npos));
    }
    CHECK(options > 0);
  }
}

TEST_CASE("a node is found by its address as it is printed, and what is missing is said with what to do") {
  const Folder folder;
  const auto dir = (folder / "n").string();
  init_node(dir, "POST 1");
  {
    TestNode node(dir, {"--tak", "off"});
    for (const auto& url : {node.http(), "http://" + node.http(), "http://" + node.http() + "/"}) {
      CAPTURE(url);
      CHECK(run({"status", "--url", url}).status == 0);
    }
    CHECK(node.stop() == 0);
  }
  const auto nothing = run({"status", "--url", "http://127.0.0.1:1/"});
  CHECK(nothing.status == 1);
  CHECK(nothing.err.find("start the node there (airbridge node), or give the address it printed") != std::string::npos);
  const auto nowhere = run({"status", "--dir", (folder / "nope").string()});
  CHECK(nowhere.status == 1);
  CHECK(nowhere.err.find("there is no node in") != std::string::npos);
  CHECK(nowhere.err.find("airbridge init --dir") != std::string::npos);
  fs::remove(folder / "n/keys/node.key");
  const auto keyless = run({"node", "--dir", dir});
  CHECK(keyless.status == 1);
  CHECK(keyless.err.find("airbridge restore") != std::string::npos);
  CHECK(keyless.err.find("airbridge invite") != std::string::npos);
}

TEST_CASE("status says each thing once, in one word, with its reasons") {
  const Folder folder;
  init_node(folder / "n", "POST 1");
  const auto file = (folder / "short.sbs").string();
  write_text(file,
             "MSG,3,1,1,4B1234,1,2026/01/02,03:04:05.678,2026/01/02,03:04:05.700,,4300,,,46.8,8.23,,,0,0,0,0\r\n");
  TestNode node(folder / "n", {"--set", "adsb.files=" + file, "--peer", "127.0.0.1:1"});
  TcpClient(node.tak()).send("<event uid='x' type='a-f-G'>");
  const TcpClient hostile(node.tak());
  hostile.send(
      "<event version='2.0' uid='y' type='a-h-G' how='h-e' time='2026-01-01T00:00:00Z' start='2026-01-01T00:00:00Z' "
      "stale='2036-01-01T00:00:00Z'><point lat='1' lon='1' hae='0' ce='1' le='1'/></event>");
  std::string out;
  const auto shows = [&](std::string_view text) {
    return eventually([&] {
      out = run({"status", "--dir", (folder / "n").string()}).out;
      return out.find(text) != std::string::npos;
    });
  };
  CHECK(shows("finished"));
  CHECK(shows(", not carried: 1 ["));
  CHECK(shows("Cut off since the start: no other node is heard. Saved only here: "));
  CAPTURE(out);
  CHECK(out.find("CUT OFF") == std::string::npos);
  CHECK(out.find(" damaged") == std::string::npos);
  CHECK(out.find("\nclock      ") != std::string::npos);
}

TEST_CASE("events shows the newest in reading order, in words, and says what else there is") {
  const Folder folder;
  const auto dir = (folder / "n").string();
  init_node(dir, "POST 1");
  TestNode node(dir);
  const auto site = node.create("site", {write_of("category", "shelter"), write_of("name", "School")});
  node.create("unit", {write_of("category", "helicopter"), write_of("home", site), write_of("endurance", 90)});
  for (int i = 1; i <= 9; ++i) node.create("journal", {write_of("text", fmt::format("entry {}", i))});
  REQUIRE(eventually([&] { return node.journal("&record=journal").size() == 9; }));
  REQUIRE(eventually([&] { return node.events() >= 13; }));  // the status is made once a second
  const auto events = [&](Args more) {
    Args args{"events", "--dir", dir};
    args.insert(args.end(), more.begin(), more.end());
    return run(args);
  };
  const auto last = events({"--limit", "3"});
  CAPTURE(last.out);
  CHECK(last.out.find(" earlier; --after 0") != std::string::npos);
  CHECK(last.out.find("arrival  time") != std::string::npos);
  CHECK(last.out.find("entry 6") == std::string::npos);
  CHECK(last.out.find("entry 7") < last.out.find("entry 8"));
  CHECK(last.out.find("entry 8") < last.out.find("entry 9"));
  CHECK(last.out.find("entry 9") != std::string::npos);
  const auto filtered = events({"--limit", "3", "--record", "journal"});
  CHECK(filtered.out.starts_with("\u2026 6 earlier;"));
  CHECK(filtered.out.find("entry 7") != std::string::npos);
  const auto first = events({"--after", "0", "--limit", "2"});
  CHECK(first.out.find("go on with --after ") != std::string::npos);
  CHECK(first.out.find("membership") != std::string::npos);
  const auto unit = events({"--record", "unit"});
  CAPTURE(unit.out);
  CHECK(unit.out.find("endurance=90 minutes") != std::string::npos);
  CHECK(unit.out.find(" School") != std::string::npos);
  CHECK(unit.out.find("  important  ") != std::string::npos);
  CHECK(unit.out.find("earlier") == std::string::npos);
  const auto bogus = events({"--record", "bogus"});
  CHECK(bogus.status == 2);
  CHECK(bogus.err.find("it is one of unit, track, site") != std::string::npos);
  CHECK(events({"--text", "zzz"}).out == "no event with \"zzz\"\n");
}

TEST_CASE("the node's own position comes from the settings until somebody sets it on the page") {
  const Folder folder;
  init_node(folder / "n", "POST 1");
  TestNode node(folder / "n", {"--set", "position.latitude=51.5", "--set", "position.longitude=-0.25"});
  CHECK(own_position_is(node, "config", 51.5, -0.25));
  CHECK(node.post("/api/v1/own-position", json::object{{"lat", 51.75}, {"lon", 0.5}}).status == 200);
  CHECK(own_position_is(node, "page", 51.75, 0.5));
  CHECK(eventually([&] {
    for (const auto& track : node.tracks()) {
      if (track.at("kind") == "own" && track.at("lat") == 51.75) return true;
    }
    return false;
  }));
  for (const auto* body : {R"({"lat":91,"lon":0})", R"({"lat":0})", R"({"lat":"x","lon":1})", "[]", "{}"}) {
    CAPTURE(body);
    CHECK(call(node.http(), "POST", "/api/v1/own-position", body).status == 400);
  }
  CHECK(own_position_is(node, "page", 51.75, 0.5));
  // Taken back, what is configured stands again.
  CHECK(node.post("/api/v1/own-position", json::object{{"clear", true}}).status == 200);
  CHECK(own_position_is(node, "config", 51.5, -0.25));
}

TEST_CASE(
    "a position set on the page outlives a restart, and its track ends here and elsewhere when it is taken back") {
  const Folder folder;
  init_node(folder / "a", "A");
  join_node(folder / "a", folder / "b", "B");
  TestNode a(folder / "a");
  TestNode b(folder / "b", {"--peer", a.peers()});
  const auto own_tracks = [](const TestNode& node, std::string_view name) {
    std::size_t count = 0;
    for (const auto& track : node.tracks())
      count += track.at("kind") == "own" && track.as_object().contains("callsign") &&
               track.at("callsign").as_string() == name;
    return count;
  };
  CHECK(b.post("/api/v1/own-position", json::object{{"lat", 51.75}, {"lon", 0.5}}).status == 200);
  CHECK(eventually([&] { return own_tracks(a, "B") == 1; }));
  const auto at_ms = b.status().at("own_position").at("at_ms");
  CHECK(b.stop() == 0);
  b.start();
  CHECK(own_position_is(b, "page", 51.75, 0.5));
  CHECK(b.status().at("own_position").at("at_ms") == at_ms);
  CHECK(own_tracks(b, "B") == 1);

  CHECK(b.post("/api/v1/own-position", json::object{{"clear", true}}).status == 200);
  CHECK(eventually([&] { return own_tracks(b, "B") == 0 && own_tracks(a, "B") == 0; }));
  CHECK_FALSE(b.status().contains("own_position"));
  CHECK(b.stop() == 0);
  write_text(folder / "b/own-position", "somewhere\n");
  b.start();
  CHECK(own_tracks(b, "B") == 0);
  CHECK_FALSE(b.status().contains("own_position"));
  CHECK(b.log().find("own-position") != std::string::npos);
}

TEST_CASE("a link to a node elsewhere needs --insecure-lab, since it is not encrypted") {
  const Folder folder;
  init_node(folder / "n", "N");
  for (const auto* peer : {"192.0.2.1:7420", "[2001:db8::1]:7420", "post.example:7420"}) {
    CAPTURE(peer);
    const auto refused = run({"node", "--dir", (folder / "n").string(), "--http", "127.0.0.1:0", "--tak", "off",
                              "--listen", "127.0.0.1:0", "--peer", peer});
    CHECK(refused.status == 1);
    CHECK(refused.err.find("--insecure-lab") != std::string::npos);
    CHECK(refused.err.find(peer) != std::string::npos);
  }
  TestNode node(folder / "n", {"--peer", "192.0.2.1:7420", "--insecure-lab"});
  CHECK(node.status().at("insecure_lab") == true);
}

TEST_CASE("the node's own position comes from gpsd, and the other node sees it") {
  const Folder folder;
  init_node(folder / "a", "POST 1");
  join_node(folder / "a", folder / "b", "TRUCK 2");
  const FakeGpsd gpsd;
  TestNode a(folder / "a");
  TestNode b(folder / "b", {"--peer", a.peers(), "--set", "gnss.gpsd=" + gpsd.address()});
  CHECK(own_position_is(b, "gpsd", 46.5501, 7.9801));
  CHECK(eventually([&] {
    for (const auto& track : a.tracks()) {
      const auto* callsign = track.as_object().if_contains("callsign");
      if (callsign != nullptr && *callsign == "TRUCK 2") return true;
    }
    return false;
  }));
  bool connected = false;
  for (const auto& feed : b.feeds())
    connected = connected || (feed.at("name") == "gnss" && feed.at("state") == "connected");
  CHECK(connected);
}
