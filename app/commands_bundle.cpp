// bundle write, ask, read, info: events in a file for a stick, e-mail or any courier.
#include <fcntl.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <cstring>
#include <filesystem>
#include <fstream>
#include <map>

#include "api/json_values.hpp"
#include "bundle/format.hpp"
#include "bundle_desk.hpp"
#include "cli_support.hpp"
#include "sync/frame.hpp"
#include "with_node.hpp"

namespace airbridge::app {
namespace fs = std::filesystem;
namespace json = boost::json;
namespace {

bool to_person() { return ::isatty(STDERR_FILENO) != 0; }
void progress(const std::string& words) {
  if (to_person()) fmt::print(stderr, "\r{:<60}", words);
}
void end_progress() {
  if (to_person()) fmt::print(stderr, "\r{:60}\r", "");
}

std::string encoded(std::string_view text) {
  std::string out;
  for (const char c : text) {
    const bool plain = (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9');
    out += plain ? std::string(1, c) : fmt::format("%{:02X}", static_cast<unsigned char>(c));
  }
  return out;
}

std::string size_words(std::uint64_t bytes) {
  if (bytes < 10'000) return fmt::format("{} B", bytes);
  if (bytes < 10'000'000) return fmt::format("{} kB", (bytes + 500) / 1'000);
  return fmt::format("{} MB", (bytes + 500'000) / 1'000'000);
}

std::string plural(std::uint64_t count, std::string_view one, std::string_view many) {
  return fmt::format("{} {}", count, count == 1 ? one : many);
}
std::string events_words(std::uint64_t count) { return plural(count, "event", "events"); }

constexpr std::string_view class_words[] = {"urgent", "important", "routine"};

// A file that appears under its name only when it is whole and on the disk.
class NewFile {
 public:
  explicit NewFile(std::string name) : name_(std::move(name)), partial_(name_ + ".partial") {
    fd_ = ::open(partial_.c_str(), O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0600);
  }
  ~NewFile() {
    if (fd_ < 0) return;
    ::close(fd_);
    std::error_code error;
    fs::remove(partial_, error);
  }
  NewFile(const NewFile&) = delete;
  NewFile& operator=(const NewFile&) = delete;

  bool put(std::string_view bytes) {
    while (fd_ >= 0 && !bytes.empty()) {
      const auto n = ::write(fd_, bytes.data(), bytes.size());
      if (n < 0 && errno == EINTR) continue;
      if (n <= 0) return false;
      written_ += static_cast<std::uint64_t>(n);
      bytes.remove_prefix(static_cast<std::size_t>(n));
    }
    return fd_ >= 0;
  }
  bool keep() {
    if (fd_ < 0 || ::fsync(fd_) != 0 || ::close(std::exchange(fd_, -1)) != 0) return false;
    return ::rename(partial_.c_str(), name_.c_str()) == 0;
  }
  const std::string& name() const { return name_; }
  std::uint64_t written() const { return written_; }

 private:
  std::string name_, partial_;
  int fd_ = -1;
  std::uint64_t written_ = 0;
};

// The beginning of a bundle as far as its head goes, or why there is none.
Result<std::string, std::string> start_of(const std::string& file, bundle::Head& head) {
  std::ifstream in(file, std::ios::binary);
  if (!in) return failure(fmt::format("cannot read {}: {}", file, std::strerror(errno)));
  std::string bytes(bundle_start_max, '\0');
  in.read(bytes.data(), static_cast<std::streamsize>(bytes.size()));
  bytes.resize(static_cast<std::size_t>(std::max<std::streamsize>(0, in.gcount())));
  bundle::Reader reader;
  reader.feed(as_bytes(bytes));
  reader.finish();
  const auto item = reader.next();
  if (!reader.refusal().empty()) return failure(fmt::format("{}: {}", file, reader.refusal()));
  const auto* found = item ? std::get_if<bundle::Head>(&*item) : nullptr;
  if (found == nullptr) return failure(fmt::format("{}: its beginning is damaged", file));
  head = *found;
  bytes.resize(reader.bytes_read());
  return bytes;
}

// ---- writing --------------------------------------------------------------------------------------------------------

std::string part_name(const std::string& file, std::uint64_t part) {
  return part == 1 ? file : fmt::format("{}.part{}", file, part);
}

int write_files(const std::string& address, const std::string& id, const BundleWriteOptions& options,
                std::uint64_t events) {
  std::uint64_t bytes = 0, done_events = 0, nodes = 0, private_parts = 0, unreadable = 0, files = 0;
  for (std::uint64_t number = 1, part = 1;; ++part) {
    const auto name = part_name(options.file, part);
    if (fs::exists(name)) return complain("{} exists already; choose another name", name);
    NewFile file(name);
    for (bool ends = false; !ends; ++number) {
      const auto piece = http_call(address, "GET", fmt::format("/api/v1/bundles/writing/{}/pieces/{}", id, number));
      if (!piece) return complain("{}", piece.error());
      if (piece->status != 200) return complain("the node did not go on writing (status {}); try again", piece->status);
      if (!file.put(piece->body))
        return complain("cannot write {}: {}; free some space, or use a smaller --max-size or --class", name,
                        std::strerror(errno));
      const auto say = piece->header("Airbridge-Ends");
      done_events = std::stoull("0" + piece->header("Airbridge-Events"));
      nodes = std::stoull("0" + piece->header("Airbridge-Nodes"));
      private_parts = std::stoull("0" + piece->header("Airbridge-Private"));
      unreadable = std::stoull("0" + piece->header("Airbridge-Unreadable"));
      progress(fmt::format("{}: {} of {}", name, done_events, events_words(events)));
      ends = say != "no";
      if (!ends) continue;
      if (!file.keep()) return complain("cannot write {}: {}", name, std::strerror(errno));
      bytes += file.written();
      ++files;
      if (say != "all") continue;
      end_progress();
      if (const auto kept = call_node(address, "POST", fmt::format("/api/v1/bundles/writing/{}/kept", id)); !kept)
        return complain("the files are written, but the node does not remember it: {}", kept.error());
      if (options.nothing) {
        fmt::print("{} ({}): what this node holds. Where it is taken: airbridge bundle write NEW --since {}\n",
                   options.file, size_words(bytes), fs::path(options.file).filename().string());
        return 0;
      }
      fmt::print("{} ({}{}): {} of {}\n", options.file, size_words(bytes),
                 files > 1 ? fmt::format(" in {} files, to .part{}", files, files) : "", events_words(done_events),
                 plural(nodes, "node", "nodes"));
      if (private_parts > 0)
        fmt::print("and the private part of {} that had come without\n", events_words(private_parts));
      if (unreadable > 0)
        return complain("{} could not be read from this node's log and are left out; see `airbridge status`",
                        plural(unreadable, "stream", "streams"));
      return 0;
    }
  }
}

}  // namespace

int run_bundle_write(const Common& common, const BundleWriteOptions& options) {
  if (fs::exists(options.file)) return complain("{} exists already; choose another name", options.file);
  if (options.max_size != 0 && options.max_size < bundle::file_bytes_min)
    return complain("--max-size: at least {} KiB", bundle::file_bytes_min / 1024), 2;
  std::string since;
  if (!options.since.empty()) {
    bundle::Head head;
    auto start = start_of(options.since, head);
    if (!start) return complain("{}", start.error());
    since = std::move(*start);
  }
  const auto node = AskedNode::open(common);
  if (!node) return complain("{}", node.error());
  const auto begun = call_node(node->address(), "POST",
                               fmt::format("/api/v1/bundles/writing?for={}&class={}&file_bytes_max={}{}{}",
                                           encoded(options.for_name), options.class_max, options.max_size,
                                           options.all ? "&all=1" : "", options.nothing ? "&nothing=1" : ""),
                               since);
  if (!begun) return complain("{}", begun.error());
  const auto& object = begun->as_object();
  if (const auto words = text_at(object, "since"); !words.empty()) fmt::print("Leaving out {}.\n", words);
  return write_files(node->address(), text_at(object, "id"), options,
                     static_cast<std::uint64_t>(number_at(object, "events")));
}

// ---- reading --------------------------------------------------------------------------------------------------------

namespace {

std::string about_words(const json::object& about) {
  std::string out;
  for (const auto& one : about)
    out +=
        fmt::format("{}{} {}", out.empty() ? "" : ", ", one.value().to_number<std::uint64_t>(), printable(one.key()));
  return out;
}

// What one file brought; true when nothing of it was left.
bool print_report(const std::string& file, const json::object& report) {
  const auto state = text_at(report, "state");
  if (state == "refused") {
    complain("{}: {}", file, text_at(report, "why"));
    return false;
  }
  bool all = true;
  const auto fresh = static_cast<std::uint64_t>(number_at(report, "events_new"));
  const auto known = static_cast<std::uint64_t>(number_at(report, "events_known"));
  std::string from;
  if (report.contains("writer_name"))
    from = fmt::format(", written by {} {}", text_at(report, "writer_name"),
                       format_utc(utc_from_ms(number_at(report, "written_ms"))));
  fmt::print("{}{}\n", file, from);
  if (report.contains("signed") && !flag_at(report, "signed"))
    fmt::print("  its head is not signed by who it says; events were checked one by one all the same\n");
  if (fresh > 0) {
    const auto about = about_words(report.at("about").as_object());
    fmt::print("  brought {} of {}{}\n", events_words(fresh), plural(list_at(report, "nodes").size(), "node", "nodes"),
               about.empty() ? "" : " about: " + about);
  }
  const auto parts = static_cast<std::uint64_t>(number_at(report, "private_parts"));
  if (parts > 0) fmt::print("  brought the private part of {} that had come without\n", events_words(parts));
  if (known > 0) fmt::print("  {} here already\n", plural(known, "event was", "events were"));
  if (fresh == 0 && known == 0) fmt::print("  brought nothing\n");
  for (const auto& item : list_at(report, "lacking")) {
    const auto& gap = item.as_object();
    all = false;
    const auto cls = static_cast<std::size_t>(std::clamp<std::int64_t>(number_at(gap, "class"), 0, 2));
    fmt::print("  lacks {} {} earlier {} of {}: read the other parts, or ask for a bundle with --all or --since\n",
               number_at(gap, "first") - number_at(gap, "here") - 1, class_words[cls], "events", text_at(gap, "node"));
  }
  for (const auto& one : report.at("refused").as_object()) {
    all = false;
    fmt::print("  refused {}: {}\n", events_words(one.value().to_number<std::uint64_t>()), printable(one.key()));
  }
  if (const auto unsealed = number_at(report, "unsealed"); unsealed > 0) {
    all = false;
    fmt::print("  did not take {} at its end: their author's seal is missing\n",
               events_words(static_cast<std::uint64_t>(unsealed)));
  }
  for (const auto& name : list_at(report, "contradicts")) {
    all = false;
    fmt::print("  contradicts what is here of {} from before where it begins: ask for a bundle with --all\n",
               printable(name.as_string()));
  }
  for (const auto& name : list_at(report, "forked"))
    fmt::print("  shows that two devices wrote as {}: both sides are kept; see `airbridge status`\n",
               printable(name.as_string()));
  for (const auto& item : list_at(report, "damages")) {
    all = false;
    fmt::print("  DAMAGED at byte {}: {}\n", number_at(item.as_object(), "offset"), text_at(item.as_object(), "what"));
  }
  if (state == "stopped") {
    all = false;
    complain("{}: reading stopped: {}; what was taken is kept, read it again later", file, text_at(report, "why"));
  } else if (!flag_at(report, "whole")) {
    all = false;
    fmt::print("  not all of it could be read: copy the file again, or ask for another\n");
  }
  if (flag_at(report, "more_parts")) fmt::print("  another part follows: .part{}\n", number_at(report, "part") + 1);
  return all;
}

int read_one(const std::string& address, const std::string& name) {
  std::ifstream in(name, std::ios::binary);
  if (!in) return complain("cannot read {}: {}", name, std::strerror(errno));
  const auto begun = call_node(address, "POST", "/api/v1/bundles/reading");
  if (!begun) return complain("{}", begun.error());
  const auto path = fmt::format("/api/v1/bundles/reading/{}", text_at(begun->as_object(), "id"));
  std::error_code error;
  const auto size = fs::file_size(name, error);
  std::string piece(bundle_upload_max, '\0');
  json::object report;
  for (std::uint64_t at = 0; text_at(report, "state", "reading") == "reading";) {
    in.read(piece.data(), static_cast<std::streamsize>(piece.size()));
    const auto got = static_cast<std::size_t>(std::max<std::streamsize>(0, in.gcount()));
    if (in.bad()) return complain("cannot read on in {}: {}; what came before is kept", name, std::strerror(errno));
    const bool last = in.eof() || (!error && at + got >= size);
    const auto answer = call_node(address, "POST", fmt::format("{}?at={}{}", path, at, last ? "&last=1" : ""),
                                  std::string_view(piece).substr(0, got));
    if (!answer) return complain("{}; what came before is kept, read {} again", answer.error(), name);
    report = answer->as_object();
    at += got;
    progress(fmt::format("{}: {} of {}, {} new", name, size_words(at), size_words(error ? at : size),
                         events_words(static_cast<std::uint64_t>(number_at(report, "events_new")))));
  }
  end_progress();
  return print_report(name, report) ? 0 : 1;
}

}  // namespace

int run_bundle_read(const Common& common, std::vector<std::string> files) {
  // Parts of one bundle in their order, whatever order they were named in; what has no readable head keeps its place.
  std::map<bundle::BundleId, std::vector<std::pair<std::uint32_t, std::string>>> parts;
  std::vector<bundle::BundleId> ids(files.size());
  for (std::size_t i = 0; i < files.size(); ++i) {
    bundle::Head head;
    if (!start_of(files[i], head)) continue;
    ids[i] = head.id;
    parts[head.id].emplace_back(head.part, files[i]);
  }
  for (auto& [id, of_one] : parts) std::sort(of_one.rbegin(), of_one.rend());
  for (std::size_t i = 0; i < files.size(); ++i) {
    if (ids[i].is_zero()) continue;
    files[i] = parts[ids[i]].back().second;
    parts[ids[i]].pop_back();
  }
  const auto node = AskedNode::open(common);
  if (!node) return complain("{}", node.error());
  int status = 0;
  for (const auto& file : files) status = std::max(status, read_one(node->address(), file));
  return status;
}

// ---- looking --------------------------------------------------------------------------------------------------------

int run_bundle_info(const std::string& name) {
  std::ifstream in(name, std::ios::binary);
  if (!in) return complain("cannot read {}: {}", name, std::strerror(errno));
  bundle::Reader reader;
  std::string piece(bundle_upload_max, '\0');
  std::map<model::KeyId, std::array<std::uint64_t, model::class_count>> events;
  std::uint64_t unreadable = 0;
  bool whole = true;
  std::optional<bundle::End> end;
  const auto show_head = [&](const bundle::Head& head) {
    const auto count = [](const sync::HeldVector& vector) {
      std::uint64_t sum = 0;
      for (const auto& [stream, held] : vector) sum += held.seq;
      return sum;
    };
    fmt::print("incident   {} ({})\n", printable(head.incident_name), head.incident.hex().substr(0, 8));
    fmt::print("written    {} by {} ({}){}\n", format_utc(head.written), printable(head.writer_name),
               model::key_id_of(head.writer).hex().substr(0, 8),
               head.is_signed ? "" : "  NOT SIGNED BY IT: somebody changed the head");
    if (!head.for_name.empty()) fmt::print("for        {}\n", printable(head.for_name));
    fmt::print("part       {}\n", head.part);
    if (head.class_max != model::Class::Routine)
      fmt::print("without    what is less urgent than {}\n", class_words[static_cast<std::size_t>(head.class_max)]);
    fmt::print("its writer held {} then; {} are left out as known\n", events_words(count(head.holds)),
               count(head.since));
  };
  const auto count_frames = [&](const bundle::Frames& frames) {
    sync::FrameReader cut;
    const auto error = cut.feed(frames.frames, [&](std::uint8_t type, ByteView payload, std::uint64_t) {
      const auto decoded = sync::decode(type, payload);
      const auto* message = decoded ? std::get_if<sync::Message>(&*decoded) : nullptr;
      if (const auto* run = message != nullptr ? std::get_if<sync::Run>(message) : nullptr)
        events[run->stream.writer.author][static_cast<std::size_t>(run->stream.cls)] += run->entries.size();
      unreadable += decoded ? 0 : 1;
      return true;
    });
    if (error) ++unreadable;
  };
  for (bool more = true; more;) {
    in.read(piece.data(), static_cast<std::streamsize>(piece.size()));
    const auto got = static_cast<std::size_t>(std::max<std::streamsize>(0, in.gcount()));
    reader.feed(as_bytes(std::string_view(piece).substr(0, got)));
    more = got > 0;
    if (!more) reader.finish();
    while (auto item = reader.next()) {
      if (const auto* head = std::get_if<bundle::Head>(&*item)) show_head(*head);
      if (const auto* frames = std::get_if<bundle::Frames>(&*item)) count_frames(*frames);
      if (const auto* found = std::get_if<bundle::End>(&*item)) end = *found;
      if (const auto* damage = std::get_if<bundle::Damage>(&*item)) {
        whole = false;
        fmt::print("DAMAGED    at byte {}: {}\n", damage->offset, damage->what);
      }
    }
  }
  if (!reader.refusal().empty()) return complain("{}: {}", name, reader.refusal());
  std::uint64_t sum = 0;
  for (const auto& [author, counts] : events) {
    sum += counts[0] + counts[1] + counts[2];
    fmt::print("of {}  {} urgent, {} important, {} routine\n", author.hex().substr(0, 8), counts[0], counts[1],
               counts[2]);
  }
  fmt::print("in all     {} of {}{}\n", events_words(sum), plural(events.size(), "node", "nodes"),
             end && end->more_parts ? "; another part follows" : "");
  if (unreadable > 0) fmt::print("unreadable {} messages\n", unreadable);
  if (whole && end && unreadable == 0) return 0;
  return complain("{} is not whole; `airbridge bundle read` takes what is readable", name);
}

}  // namespace airbridge::app
