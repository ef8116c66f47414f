// The bytes of docs/protocol/sync.md: one example of each message, and a whole first meeting of two nodes. The file in
// test/golden/sync must be what this version writes; AIRBRIDGE_WRITE_GOLDEN=1 rewrites it (explain why in the commit).
#include <doctest/doctest.h>

#include <cstdlib>
#include <fstream>
#include <sstream>

#include "sync/test_net.hpp"

using namespace airbridge;
using namespace airbridge::sync;
using namespace airbridge::sync::test;
using model::Class;

namespace {
const std::string golden_path = AIRBRIDGE_TEST_DATA "/../golden/sync/frames.txt";

std::string name_of_type(std::uint8_t type) {
  static constexpr std::string_view names[] = {"",     "HELLO", "ASK_VECTOR",  "VECTOR",      "KEYS",
                                               "RUN",  "ACK",   "LAST_VALUES", "CHAIN_QUERY", "CHAIN_REPLY",
                                               "PING", "PONG",  "RUN_REFUSED", "BYE"};
  if (type == 17) return "SNAPSHOT_ASK";
  if (type == 18) return "SNAPSHOT_PART";
  if (type == 19) return "TRACKS_HELD";
  if (type == 20) return "TRACK_PART";
  if (type == 21) return "ONLY_URGENT";
  return std::string(type < std::size(names) ? names[type] : "?");
}

std::string examples() {
  const auto stream = stream_of(2, Class::Important);
  auto branch = stream;
  branch.branch = {4, {1, 2, 3, 4, 5, 6, 7, 8}};
  const Message messages[] = {
      Hello{1, incident, key_of(1).id(), "N1", 1, {1, 2, 3, 4, 5, 6, 7, 8}, 0, 7, "Valley fire"},
      AskVector{},
      AskVector{Digest{1, 2, 3, 4, 5, 6, 7, 8}},
      VectorMessage{Digest{9}, {{stream, 3, Head4{1, 2, 3, 4}}, {branch, 7, Head4{5, 6, 7, 8}}}, {}},
      LastValues{{Bytes{0xA0}}},
      ChainQuery{stream, {1, 5, 9}},
      ChainReply{stream, {{1, {1}}, {5, {2}}}},
      Ping{1, {1, 2, 3, 4, 5, 6, 7, 8}},
      Pong{1},
      RunRefused{stream, 4, Reason::Gap, 0},
      Bye{Parting::Stopping, "the node is stopping"},
      SnapshotAsk{1 << 28},
      SnapshotPart{1, 3, {1, 2, 3}},
      TracksHeld{{{TrackTag{1, 2, 3, 4, 5, 6, 7, 8}, 1'767'225'600}}},
      TrackPart{{model::external_name("own", "1"), key_of(1).id()},
                pack_fixes({{1'767'225'600, 4'600'000, 700'000, 1'200}, {1'767'225'660, 4'600'500, 700'400, 1'210}})},
      OnlyUrgent{true}};
  std::string out = "# one of each\n";
  for (const auto& message : messages) {
    const auto frame = encode(message);
    out += name_of_type(frame[4]) + " " + to_hex(frame) + "\n";
  }
  return out;
}

std::string first_meeting() {
  Net net;
  auto& a = net.add(1);
  auto& b = net.add(2);
  b.write(Class::Urgent, 5);
  b.write(Class::Routine, 5);
  b.write(Class::Routine, 5);
  auto& cable = net.join(a, b);
  net.settle();
  net.pass(5'000, 5'000);
  std::string out = "# node 1, empty, meets node 2, which holds three events; then five seconds pass\n";
  for (const auto& [from_a, send] : cable.log) {
    out += (from_a ? "1>2 " : "2>1 ") + name_of_type(send.bytes[4]) + " " + to_hex(send.bytes) + "\n";
  }
  return out;
}
}  // namespace

TEST_CASE("frames have the bytes that docs/protocol/sync.md promises") {
  const auto written = examples() + first_meeting();
  if (std::getenv("AIRBRIDGE_WRITE_GOLDEN") != nullptr) std::ofstream(golden_path) << written;
  std::ifstream in(golden_path);
  std::stringstream golden;
  golden << in.rdbuf();
  CHECK(golden.str() == written);
}

TEST_CASE("every example reads back, and no cut or longer one does") {
  std::istringstream in(examples());
  for (std::string line; std::getline(in, line);) {
    if (line[0] == '#') continue;
    const auto frame = *from_hex(line.substr(line.find(' ') + 1));
    const Bytes payload(frame.begin() + 5, frame.end() - 4);
    CAPTURE(line);
    const auto message = decode(frame[4], payload);
    REQUIRE(message);
    CHECK(encode(std::get<Message>(*message)) == frame);
    for (std::size_t size = 0; size < payload.size(); ++size)
      CHECK_FALSE(decode(frame[4], ByteView(payload).first(size)));
    auto longer = payload;
    longer.push_back(0);
    CHECK_FALSE(decode(frame[4], longer));
  }
}
