#include "net/kiss_line.hpp"

#include <doctest/doctest.h>
#include <termios.h>

#include <filesystem>
#include <vector>

#include "net/test_peer.hpp"
#include "net/test_pty.hpp"

using namespace airbridge;
using namespace airbridge::net;
using airbridge::net::testing::Pty;
using airbridge::net::testing::run_until;

namespace {

struct Modem {
  Modem(EventLoop& loop, KissLineOptions options)
      : line(loop, std::move(options),
             {[this] { ++up; }, [this](ByteView frame) { frames.emplace_back(as_text(frame)); },
              [this](const std::string& why) { lost.push_back(why); }}) {}
  int up = 0;
  std::vector<std::string> frames, lost;
  KissLine line;
};

SerialOptions quick(const std::string& device) {
  SerialOptions options;
  options.device = device;
  options.wait_min = Milliseconds(2);
  options.wait_max = Milliseconds(8);
  return options;
}

// Another name for a terminal that can be given to another one later, as /dev/serial/by-id does.
struct Name {
  explicit Name(const Pty& pty)
      : path((std::filesystem::temp_directory_path() / ("airbridge-tty-" + std::to_string(::getpid()))).string()) {
    give(pty);
  }
  ~Name() { std::filesystem::remove(path); }
  void give(const Pty& pty) const {
    std::filesystem::remove(path);
    std::filesystem::create_symlink(pty.device(), path);
  }
  std::string path;
};

std::string text(std::string_view hex) { return std::string(as_text(*from_hex(hex))); }

}  // namespace

TEST_CASE("frames go through a serial line, and the modem is told its parameters first") {
  Pty pty;
  REQUIRE_FALSE(pty.device().empty());
  EventLoop loop;
  KissLineOptions options{quick(pty.device())};
  options.port = 1;
  options.parameters.tx_delay = 35;
  Modem modem(loop, options);
  CHECK(modem.line.send(as_bytes("early")) == Sent::Closed);
  modem.line.start();
  REQUIRE(modem.up == 1);
  CHECK(modem.line.send(as_bytes("ab\xC0")) == Sent::Queued);
  std::string got;
  REQUIRE(run_until(loop, [&] { return (got += pty.take()).size() >= 11; }));
  CHECK(got == text("c01123c0c0106162dbdcc0"));
  pty.say(text("ff"));  // noise before the first frame
  pty.say(text("c0106869"));
  pty.say(text("c0c00064c0c0106a6bc0"));
  REQUIRE(run_until(loop, [&] { return modem.frames.size() == 2; }));
  CHECK(modem.frames == std::vector<std::string>{"hi", "jk"});
  CHECK(modem.line.counters().other_ports == 1);
  CHECK(modem.line.counters().sent_bytes == 7);
  CHECK(modem.line.counters().dropped == 1);
  CHECK(modem.line.send(Bytes(kiss_frame_bytes_max + 1)) == Sent::Dropped);
}

TEST_CASE("the line is raw: no byte is translated, in either direction") {
  Pty pty;
  EventLoop loop;
  std::string heard, said;
  auto line = serial_line(loop, quick(pty.device()), {{}, [&](ByteView bytes) { heard += as_text(bytes); }, {}});
  line->start();
  REQUIRE(line->state() == LinkState::Connected);
  std::string every;
  for (int i = 0; i < 256; ++i) every += static_cast<char>(i);
  REQUIRE(pty.say(every));
  CHECK(line->send(as_bytes(every)) == Sent::Queued);
  REQUIRE(run_until(loop, [&] {
    said += pty.take();
    return heard.size() >= 256 && said.size() >= 256;
  }));
  CHECK(heard == every);
  CHECK(said == every);
  termios mode{};
  REQUIRE(::tcgetattr(pty.descriptor(), &mode) == 0);
  CHECK(::cfgetospeed(&mode) == B9600);
  CHECK((mode.c_cflag & CSIZE) == CS8);
}

TEST_CASE("an unplugged line is opened again when it is back, with the modem's parameters") {
  auto pty = std::make_unique<Pty>();
  const Name name(*pty);
  EventLoop loop;
  KissLineOptions options{quick(name.path)};
  options.parameters.full_duplex = true;
  Modem modem(loop, options);
  modem.line.start();
  REQUIRE(modem.line.state() == LinkState::Connected);
  pty->say(text("c0004142"));  // half a frame
  loop.run_for(Milliseconds(5));
  pty->unplug();
  REQUIRE(run_until(loop, [&] { return modem.lost.size() >= 4; }));
  CHECK(modem.lost[0].starts_with("the serial line " + name.path + " was unplugged or hung up"));
  CHECK(modem.lost[1].starts_with("cannot open the serial line " + name.path));
  CHECK(modem.line.state() == LinkState::Lost);
  CHECK(modem.line.send(as_bytes("x")) == Sent::Closed);
  CHECK(modem.line.waiting_bytes() == 0);

  pty = std::make_unique<Pty>();
  name.give(*pty);
  REQUIRE(run_until(loop, [&] { return modem.up == 2; }));
  CHECK(modem.line.why().empty());
  std::string got;
  REQUIRE(run_until(loop, [&] { return (got += pty->take()).size() >= 4; }));
  CHECK(got == text("c00501c0"));
  pty->say(text("4344c0c00045c0"));  // the half frame from before is not continued
  REQUIRE(run_until(loop, [&] { return !modem.frames.empty(); }));
  CHECK(modem.frames == std::vector<std::string>{"E"});
}

TEST_CASE("what a modem does not take waits in a bounded queue and is told") {
  Pty pty;
  EventLoop loop;
  auto options = quick(pty.device());
  options.queue_bytes_max = 10'000;
  auto line = serial_line(loop, options, {});
  line->start();
  const Bytes kilobyte(1'000, 0x55);
  std::size_t queued = 0;
  while (line->send(kilobyte) == Sent::Queued && queued < 1'000'000) queued += kilobyte.size();
  CHECK(queued >= options.queue_bytes_max);
  CHECK(queued < 1'000'000);
  CHECK(line->waiting_bytes() > 8'000);
  std::size_t got = 0;
  REQUIRE(run_until(loop, [&] { return (got += pty.take().size()) == queued; }));
  CHECK(line->waiting_bytes() == 0);
}

TEST_CASE("a line that cannot be opened says what to do") {
  EventLoop loop;
  const auto why = [&](SerialOptions options) {
    auto line = serial_line(loop, std::move(options), {});
    line->start();
    CHECK(line->state() == LinkState::Lost);
    return line->why();
  };
  CHECK(why(quick("/dev/ttyNOSUCH0")) ==
        "cannot open the serial line /dev/ttyNOSUCH0: no such file or directory (is it plugged in? `ls "
        "/dev/serial/by-id` lists those that are)");
  CHECK(why(quick("/dev/null")).starts_with("/dev/null is no serial line"));
  auto odd = quick("/dev/null");
  odd.baud = 9'601;
  CHECK(why(odd).starts_with("9601 baud is no speed of a serial line; choose one of 300, 600, 1200"));
  Pty pty;
  auto first = serial_line(loop, quick(pty.device()), {});
  first->start();
  REQUIRE(first->state() == LinkState::Connected);
  CHECK(why(quick(pty.device())) == "cannot open the serial line " + pty.device() +
                                        ": another program uses it (`fuser " + pty.device() + "` names it)");
  first->stop();
  CHECK(why(quick(pty.device() + "0")).find("cannot open") == 0);
}

TEST_CASE("a modem may be a program at a TCP port, which comes and goes") {
  EventLoop loop;
  std::vector<std::shared_ptr<Connection>> callers;
  std::string got;
  const auto serve = [&](std::uint16_t port) {
    auto made = listen(loop, {"127.0.0.1", port}, {}, [&](std::shared_ptr<Connection> caller) {
      caller->start({[&](ByteView bytes) { got += as_text(bytes); }, {}, {}});
      callers.push_back(std::move(caller));
    });
    REQUIRE(made);
    return *std::move(made);
  };
  auto server = serve(0);
  LastingOptions to;
  to.to = {"127.0.0.1", server->port()};
  to.wait_min = Milliseconds(2);
  to.wait_max = Milliseconds(8);
  KissLineOptions options{to};
  options.parameters.slot_time = 10;
  Modem modem(loop, options);
  modem.line.start();
  REQUIRE(run_until(loop, [&] { return modem.up == 1 && callers.size() == 1; }));
  CHECK(modem.line.send(as_bytes("ab")) == Sent::Queued);
  REQUIRE(run_until(loop, [&] { return got.size() >= 9; }));
  CHECK(got == text("c0030ac0c0006162c0"));
  REQUIRE(run_until(loop, [&] { return modem.line.waiting_bytes() == 0; }));
  callers[0]->send(kiss_frame(0, as_bytes("answer")));
  REQUIRE(run_until(loop, [&] { return modem.frames.size() == 1; }));
  CHECK(modem.frames[0] == "answer");
  callers[0]->close();
  REQUIRE(run_until(loop, [&] { return modem.up == 2; }));
  CHECK(modem.lost.size() >= 1);
}
