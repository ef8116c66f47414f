#include "sync_wide.hpp"

#include <fmt/format.h>

#include <chrono>
#include <cstdio>
#include <thread>

#include "linkemu/emulator.hpp"
#include "loop_thread.hpp"
#include "net/event_loop.hpp"
#include "node_process.hpp"
#include "store/log.hpp"
#include "store/posix_disk.hpp"

namespace airbridge::bench {
namespace {

namespace fs = std::filesystem;
constexpr std::uint32_t link_bits_per_second = 100'000'000;
constexpr std::uint64_t shared_share =
    6;  // of so many events one was exchanged before: no newcomer, who gets a picture
constexpr std::size_t run_bytes = 32 * 1024;  // as sync::LinkProfile::frame_bytes
constexpr std::size_t events_per_sync = 1'000;
const SystemClock clock_of_day;

void remark(const std::string& text) { std::fprintf(stderr, "# %s\n", text.c_str()); }

std::string address_of(std::uint16_t port) { return fmt::format("127.0.0.1:{}", port); }

// The node's folded events, as its picture shows them.
std::uint64_t folded(const Node& node) { return node.metric("airbridge_folded_events"); }

bool same_state(const Node& a, const Node& b) {
  const auto here = a.status(), there = b.status();
  return !state_of(here).empty() && state_of(here) == state_of(there) &&
         here.at("store").at("events") == there.at("store").at("events");
}

// Events a second that the store takes of what `home` holds, in runs as they travel.
double store_rate(const app::Home& home, const fs::path& folder) {
  std::vector<model::SealedRun> runs;
  std::vector<model::PublicKey> keys;
  {
    auto disk = store::PosixDisk::open(home.store_dir().string());
    if (!disk) die(disk.error().what);
    auto log = store::Log::open(**disk, home.incident, {}, clock_of_day.now().utc);
    if (!log) die(log.error().what);
    for (const auto& [stream, last] : log->vector()) {
      if (const auto key = log->author_key(stream.writer.author)) keys.push_back(*key);
      std::size_t bytes = run_bytes;
      for (std::uint64_t after = 0; after < last;) {
        auto more = log->runs_after(stream, after, run_bytes);
        if (!more || more->empty()) die("a log cannot be read");
        after = more->back().seal.seq;
        for (auto& run : *more) {
          std::size_t size = 0;
          for (const auto& entry : run.entries) size += entry.size();
          if (bytes + size > run_bytes) {
            runs.emplace_back();
            bytes = 0;
          }
          bytes += size;
          auto& into = runs.back();
          for (auto& entry : run.entries) into.entries.push_back(std::move(entry));
          into.seal = run.seal;
        }
      }
    }
  }
  auto disk = store::PosixDisk::open(folder.string());
  if (!disk) die(disk.error().what);
  auto log = store::Log::open(**disk, home.incident, {}, clock_of_day.now().utc);
  if (!log) die(log.error().what);
  std::uint64_t events = 0, waiting = 0;
  const auto now = clock_of_day.now().utc;
  const auto since = seconds();
  for (const auto& key : keys) {
    if (!log->append_author_key(key, now)) die("the store does not take a key");
  }
  for (const auto& run : runs) {
    const auto added = log->append_run(run, now);
    if (!added) die(added.error().what);
    events += *added;
    waiting += *added;
    if (waiting < events_per_sync) continue;
    if (!log->sync(now)) die("the disk does not take it");
    waiting = 0;
  }
  if (!log->sync(now)) die("the disk does not take it");
  return static_cast<double>(events) / (seconds() - since);
}

}  // namespace

void wide_link(std::uint64_t events, TellRow tell) {
  const Folder folder;
  const auto post = found_post(folder.path / "post");
  const auto truck = join(post, folder.path / "truck", "TRUCK");
  const auto shared = events / shared_share;
  IncidentOfSize incident((events + shared) / events_per_record);
  write_events(post, incident, 0, shared);
  {
    const Node here(folder.path / "post", {});
    const Node there(folder.path / "truck", {"--peer", address_of(here.peers_port())});
    Node::wait_until([&] { return same_state(here, there); });
  }
  write_events(post, incident, shared, shared + events);
  const auto before = store_rate(post, folder.path / "plain-1");
  double took = 0;
  {
    Node here(folder.path / "post", {});
    const auto address = address_of(here.peers_port());
    here.wait_for_index();
    here.hold(true);
    const Node there(folder.path / "truck", {"--peer", address});
    there.wait_for_index();
    Node::wait_until([&] { return there.entities() > 0 && folded(there) > shared; });
    const auto had = folded(there);
    const auto since = seconds();
    here.hold(false);
    Node::wait_until([&] { return folded(there) >= had + events; }, 5);
    took = seconds() - since;
    Node::wait_until([&] { return same_state(here, there); });
  }
  const auto after = store_rate(post, folder.path / "plain-2");
  const auto store = 2 / (1 / before + 1 / after);
  const auto rate = static_cast<double>(events) / took;
  remark(fmt::format("{} events over loopback in {:.2f} s; the store alone {:.0f} and {:.0f} events/s", events, took,
                     before, after));
  tell({"wide_rate", rate, "event/s", 50'000, true});
  tell({"wide_of_store", rate / store, "times", 0.7, true});
}

void apart(std::uint64_t records, TellRow tell) {
  const Folder folder;
  const auto post = found_post(folder.path / "post");
  const auto truck = join(post, folder.path / "truck", "TRUCK");
  // A tenth of the records is known to both, and edited on both while they are apart: two rounds each, one in common.
  const auto common = records / 10, own = (records - common) / 2;
  IncidentOfSize known(common);
  write_events(post, known, 0, common);
  {
    const Node here(folder.path / "post", {});
    const Node there(folder.path / "truck", {"--peer", address_of(here.peers_port())});
    Node::wait_until([&] { return same_state(here, there); });
  }
  write_events(post, known, common, 3 * common);
  write_events(truck, known, 2 * common, 4 * common);
  for (const auto& home : {post, truck}) {
    IncidentOfSize incident(own, 1);
    write_events(home, incident, 0, 2 * own);
  }
  for (const char* name : {"post", "truck"}) {
    fs::copy(folder.path / name, folder.path / (std::string("courier-") + name), fs::copy_options::recursive);
  }
  {
    Node here(folder.path / "post", {});
    const auto address = address_of(here.peers_port());
    here.wait_for_index();
    here.hold(true);
    const Node there(folder.path / "truck", {"--peer", address});
    there.wait_for_index();
    const auto since = seconds();
    here.hold(false);
    Node::wait_until([&] { return there.entities() >= records && here.entities() >= records; });
    const auto shown = seconds() - since;
    Node::wait_until([&] { return same_state(here, there); });
    const auto took = seconds() - since;
    const auto conflicts = there.status().at("conflicts").to_number<std::uint64_t>();
    if (conflicts == 0) die("what both edited apart shows no conflict");
    remark(fmt::format(
        "{} records of two nodes: all shown on both after {:.1f} s, the same hash told after {:.1f} s, {} conflicts",
        records, shown, took, conflicts));
    tell({"apart_72h_link", took, "s", 20});
  }
  const Node here(folder.path / "courier-post", {}), there(folder.path / "courier-truck", {});
  const auto file = [&](const char* name) { return (folder.path / name).string(); };
  const auto since = seconds();
  run_program({"bundle", "write", "--url", here.http(), file("there")});
  run_program({"bundle", "read", "--url", there.http(), file("there")});
  run_program({"bundle", "write", "--url", there.http(), "--since", file("there"), file("back")});
  run_program({"bundle", "read", "--url", here.http(), file("back")});
  Node::wait_until(
      [&] { return here.entities() >= records && there.entities() >= records && same_state(here, there); });
  const auto took = seconds() - since;
  remark(fmt::format("bundles of {:.1f} and {:.1f} MB", static_cast<double>(fs::file_size(file("there"))) / 1e6,
                     static_cast<double>(fs::file_size(file("back"))) / 1e6));
  tell({"apart_72h_bundles", took, "s", 30});
}

namespace {

// The project's link emulator before a node, as fast each way as the bar says.
class Emulated {
 public:
  explicit Emulated(std::uint16_t to_port) {
    thread_.call([&] {
      linkemu::LinkNature nature;
      nature.rate_bps = link_bits_per_second;
      const auto station = linkemu::parse_station(fmt::format("tcp:0,to=127.0.0.1:{}", to_port));
      if (!station) return;
      auto link = linkemu::open_tcp_link(thread_.loop(), nature, 1, *station, false);
      if (link) link_ = *std::move(link);
    });
    if (!link_) die("the link emulator does not start");
  }
  ~Emulated() {
    thread_.call([&] { link_.reset(); });
  }
  Emulated(const Emulated&) = delete;
  Emulated& operator=(const Emulated&) = delete;

  std::string address() {
    std::string out;
    thread_.call([&] { out = link_->stations().front(); });
    return out.substr(out.rfind(' ') + 1);
  }
  std::uint64_t bytes() {  // both ways
    std::uint64_t out = 0;
    thread_.call([&] { out = link_->counters().arrived_bytes; });
    return out;
  }

 private:
  app::LoopThread thread_;
  std::unique_ptr<linkemu::Link> link_;
};

}  // namespace

void newcomer(std::uint64_t events, TellRow tell) {
  const Folder folder;
  const auto home = found_post(folder.path / "post");
  const auto records = events / events_per_record;
  IncidentOfSize incident(records);
  write_events(home, incident, 0, events);
  (void)join(home, folder.path / "late", "LATE");
  const Node post(folder.path / "post", {});
  Node::wait_until([&] { return post.entities() >= records; });
  const auto all = post.entities();
  Emulated link(post.peers_port());
  const auto since = seconds();
  const Node late(folder.path / "late", {"--peer", link.address()});
  Node::wait_until([&] { return late.entities() >= all; });
  const auto usable = seconds() - since;
  const auto bytes = link.bytes();
  const auto is_unverified = [](const boost::json::object& status) {
    return status.contains("store") && status.at("store").as_object().contains("unverified");
  };
  remark(fmt::format("all shown after {:.1f} s and {:.1f} MB{}", usable, static_cast<double>(bytes) / 1e6,
                     is_unverified(late.status()) ? ", not yet verified" : ""));
  Node::wait_until(
      [&] {
        const auto now = late.status();
        return !now.empty() && !is_unverified(now) && same_state(late, post);
      },
      300);
  const auto complete = seconds() - since;
  remark(fmt::format("{:.1f} MB in all", static_cast<double>(link.bytes()) / 1e6));
  tell({"newcomer_usable", usable, "s", 5});
  tell({"newcomer_complete", complete, "s", 30});
}

}  // namespace airbridge::bench
