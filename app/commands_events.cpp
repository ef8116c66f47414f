// events: the journal of a node, in words.
#include <algorithm>
#include <chrono>
#include <cstdio>
#include <deque>
#include <map>
#include <thread>

#include "api/backend.hpp"
#include "cli_support.hpp"
#include "model/cbor.hpp"
#include "model/schema.hpp"
#include "with_node.hpp"

namespace airbridge::app {
namespace {

namespace json = boost::json;
using Fetched = Result<json::object, std::string>;
constexpr std::size_t names_max = 4096;  // of records, kept while printing

std::string unit_of(std::string_view field) {
  static const std::map<std::string_view, std::string_view> units{
      {"crew", " people"},   {"capacity", " people or aircraft"}, {"count", " people"},
      {"people", " people"}, {"endurance", " minutes"},           {"age", " years"},
      {"size", " bytes"}};
  const auto found = units.find(field);
  return found == units.end() ? std::string() : std::string(found->second);
}

class Printer {
 public:
  explicit Printer(std::string address) : address_(std::move(address)) {}

  void header() {
    if (std::exchange(headed_, true)) return;
    fmt::print("arrival  {:<24}  {:<9}  {:<10} {:<8} who, by way of what: what was written\n", "time", "class",
               "record", "name");
  }
  void event(const json::object& event);

 private:
  std::string value_words(const std::string& record, const json::object& write);
  std::string record_words(const std::string& id);

  const std::string address_;
  std::map<std::string, std::string> names_;
  bool headed_ = false;
};

// "C-7K3QX Roof": the display id and the name of a record that another one names.
std::string Printer::record_words(const std::string& id) {
  if (const auto known = names_.find(id); known != names_.end()) return known->second;
  std::string words = id;
  if (const auto answer = call_node(address_, "GET", "/api/v1/entities/" + id); answer && answer->is_object()) {
    const auto& entity = answer->get_object();
    words = text_at(entity, "display", id);
    const auto* fields = entity.if_contains("fields");
    for (const auto* key : {"name", "callsign"}) {
      const auto* field = fields != nullptr && fields->is_object() ? fields->get_object().if_contains(key) : nullptr;
      const auto name = field != nullptr && field->is_object() ? text_at(field->get_object(), "value") : std::string();
      if (name.empty()) continue;
      words += " " + name;
      break;
    }
  }
  if (names_.size() < names_max) names_.emplace(id, words);
  return words;
}

std::string Printer::value_words(const std::string& record, const json::object& write) {
  const auto* text = write.if_contains("text");
  if (text != nullptr && text->is_string()) return printable(text->get_string());
  const auto& value = write.at("value");
  if (const auto* object = value.if_object()) {
    if (object->contains("lat") && object->contains("lon"))
      return fmt::format("{:.5f} {:.5f}", object->at("lat").to_number<double>(), object->at("lon").to_number<double>());
    if (object->contains("type")) return fmt::format("({})", text_at(*object, "type"));
  }
  const auto name = text_at(write, "field");
  if (name == "grant") return "(signed grant)";
  const auto* spec = model::find_record(record);
  const auto* field = spec != nullptr ? model::find_field(static_cast<std::uint16_t>(spec->kind), name) : nullptr;
  if (field != nullptr && value.is_number()) {
    if (field->type == model::ValueType::Time) return format_utc(utc_from_ms(value.to_number<std::int64_t>()));
    return json::serialize(value) + unit_of(name);
  }
  if (field != nullptr && value.is_string() &&
      (field->type == model::ValueType::Entity || field->type == model::ValueType::TextOrEntity) &&
      model::entity_from_text(value.get_string()))
    return record_words(std::string(value.get_string()));
  auto words = value.is_string() ? std::string(value.get_string()) : json::serialize(value);
  if (words.size() > 80) words = model::cbor::clean_text(words, 77) + "...";
  return printable(words);
}

void Printer::event(const json::object& event) {
  static constexpr std::string_view classes[] = {"urgent", "important", "routine"};
  const auto* stamp = event.if_contains("stamp");
  std::string who, via;
  std::int64_t at = number_at(event, "arrived_ms");
  if (stamp != nullptr && stamp->is_object()) {
    const auto& object = stamp->get_object();
    at = number_at(object, "at_ms");
    who = text_at(object, "node") + (text_at(object, "actor").empty() ? "" : "/" + text_at(object, "actor"));
    via = text_at(object, "via");
  }
  const auto record = text_at(event, "record", "?");
  std::string writes;
  for (const auto& item : list_at(event, "writes")) {
    const auto& write = item.as_object();
    writes += fmt::format("{}{}={}", writes.empty() ? "" : ", ", text_at(write, "field"), value_words(record, write));
  }
  const auto cls = static_cast<std::size_t>(number_at(event, "class"));
  header();
  fmt::print("{:>7}  {}  {:<9}  {:<10} {:<8} {} via {}: {}{}\n", number_at(event, "arrival"),
             format_utc(utc_from_ms(at)), cls < std::size(classes) ? classes[cls] : "?", record,
             text_at(event, "display", "?"), who, via, writes,
             flag_at(event, "folded") ? "" : "  [not in the picture: " + text_at(event, "why_not") + "]");
}

std::string encoded(const std::string& text) {
  std::string out;
  for (const char c : text) out += fmt::format("%{:02X}", static_cast<unsigned char>(c));
  return out;
}

Fetched fetch(const std::string& address, const EventsOptions& options, std::uint64_t after, std::uint64_t limit) {
  const auto path = fmt::format("/api/v1/events?after={}&limit={}&record={}&text={}", after, limit,
                                encoded(options.record), encoded(options.text));
  auto answer = call_node(address, "GET", path);
  if (!answer) return failure(answer.error());
  if (!answer->is_object()) return failure(std::string("the node answered with something else than events"));
  return std::move(answer->as_object());
}

struct Newest {
  std::deque<json::value> events;
  std::uint64_t earlier = 0;  // that are not among them
  std::uint64_t next = 0;     // where following goes on
};

// The last events that arrived after `from`, in reading order; all of those are read once, a page at a time.
Result<Newest, std::string> newest_after(const std::string& address, const EventsOptions& options, std::uint64_t from) {
  Newest out;
  out.next = from;
  for (;;) {
    const auto page = fetch(address, options, out.next, api::journal_limit_max);
    if (!page) return failure(page.error());
    for (const auto& event : list_at(*page, "events")) {
      out.events.push_back(event);
      if (out.events.size() <= options.limit) continue;
      out.events.pop_front();
      ++out.earlier;
    }
    const auto next = static_cast<std::uint64_t>(number_at(*page, "next"));
    if (next == out.next) return out;
    out.next = next;
  }
}

// With a filter all that match are read, to know how many. Without one the search begins near the end, further back
// while too few are found (arrival numbers are given to seals too), and the status says how many there are.
Result<Newest, std::string> newest(const std::string& address, const EventsOptions& options) {
  if (!options.record.empty() || !options.text.empty()) return newest_after(address, options, 0);
  const auto first = fetch(address, options, 0, 1);
  if (!first) return failure(first.error());
  const auto through = static_cast<std::uint64_t>(number_at(*first, "indexed_through"));
  for (auto back = 2 * options.limit;; back *= 2) {
    const auto from = through > back ? through - back : 0;
    auto out = newest_after(address, options, from);
    if (!out || from == 0) return out;
    if (out->events.size() < options.limit) continue;
    const auto status = call_node(address, "GET", "/api/v1/status");
    if (!status) return failure(status.error());
    const auto events = static_cast<std::uint64_t>(number_at(status->at("store").as_object(), "events"));
    out->earlier = std::max<std::uint64_t>(1, events - std::min<std::uint64_t>(events, out->events.size()));
    return out;
  }
}

}  // namespace

int run_events(const Common& common, const EventsOptions& options) {
  if (!options.record.empty() && model::find_record(options.record) == nullptr) {
    std::string kinds;
    for (const auto& record : model::records()) kinds += fmt::format("{}{}", kinds.empty() ? "" : ", ", record.name);
    return complain("--record {}: there is no such kind; it is one of {}", options.record, kinds), 2;
  }
  const auto node = AskedNode::open(common);
  if (!node) return complain("{}", node.error());
  if (options.follow && node->started_here()) return complain("--follow needs a running node");
  Printer printer(node->address());
  std::uint64_t printed = 0;
  const auto show = [&](const json::value& event) {
    ++printed;
    if (options.as_json) {
      fmt::print("{}\n", json::serialize(event));
    } else {
      printer.event(event.as_object());
    }
  };
  auto after = options.after.value_or(0);
  if (!options.after) {
    const auto found = newest(node->address(), options);
    if (!found) return complain("{}", found.error());
    if (found->earlier > 0 && !options.as_json)
      fmt::print("… {} earlier; --after 0 begins with the first, --limit shows more\n", found->earlier);
    for (const auto& event : found->events) show(event);
    after = found->next;
  }
  while (options.after || options.follow) {
    const auto page = fetch(node->address(), options, after, options.limit);
    if (!page) return complain("{}", page.error());
    const auto& events = list_at(*page, "events");
    for (const auto& event : events) show(event);
    std::fflush(stdout);
    const auto next = static_cast<std::uint64_t>(number_at(*page, "next"));
    if (!options.follow) {
      if (events.size() >= options.limit && !options.as_json) fmt::print("… go on with --after {}\n", next);
      break;
    }
    if (next == after) std::this_thread::sleep_for(std::chrono::milliseconds(500));
    after = next;
  }
  if (printed == 0 && !options.as_json)
    fmt::print("no event{}{}{}\n", options.record.empty() ? "" : " of kind " + options.record,
               options.text.empty() ? "" : fmt::format(" with \"{}\"", printable(options.text)),
               options.after ? fmt::format(" after {}", *options.after) : "");
  return 0;
}

}  // namespace airbridge::app
