#include "sync_wide.hpp"

#include <fmt/format.h>

#include <chrono>
#include <cstdio>
#include <thread>

#include "net/event_loop.hpp"
#include "node_process.hpp"
#include "paced_proxy.hpp"
#include "store/log.hpp"
#include "store/posix_disk.hpp"

namespace airbridge::bench {
namespace {

namespace fs = std::filesystem;
constexpr double link_bits_per_second = 100e6;
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
  for (const auto& home : {post, truck}) {
    IncidentOfSize incident(records / 2);
    write_events(home, incident, 0, records);
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
    remark(fmt::format("{} records of two nodes: all shown on both after {:.1f} s, the same hash told after {:.1f} s",
                       records, shown, took));
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
  const PacedProxy proxy(post.peers_port(), link_bits_per_second);
  const auto since = seconds();
  const Node late(folder.path / "late", {"--peer", address_of(proxy.port())});
  Node::wait_until([&] { return late.entities() >= all; });
  const auto usable = seconds() - since;
  const auto bytes = proxy.bytes_back();
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
  remark(fmt::format("{:.1f} MB in all", static_cast<double>(proxy.bytes_back()) / 1e6));
  tell({"newcomer_usable", usable, "s", 5});
  tell({"newcomer_complete", complete, "s", 30});
}

}  // namespace airbridge::bench
