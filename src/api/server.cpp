#include "api/server.hpp"

#include <fmt/format.h>

#include <charconv>

#include "api/conflicts_json.hpp"
#include "api/web_files.hpp"
#include "base/log.hpp"

namespace airbridge::api {
namespace {

constexpr std::size_t recording_bytes_max = std::size_t{16} << 20;  // the largest body taken; commands hold 64 KiB
constexpr std::size_t short_body_bytes_max = 4 * 1024;              // of calls with a few numbers
constexpr std::size_t answer_bytes_max = std::size_t{256} << 20;    // the state or GeoJSON of a very large picture
constexpr std::uint64_t journal_limit_default = 200;
constexpr std::string_view no_page =
    "<!doctype html><meta charset=utf-8><title>Airbridge</title><p>This program was built without its page. "
    "Run <code>./dev build release</code>, which builds the page first. The API is at <a "
    "href=/api/v1/status>/api/v1/status</a>.";

net::HttpResponse json_answer(int status, const json::value& value) {
  return net::HttpResponse::json(status, to_text(value));
}
net::HttpResponse error_answer(const CommandError& error) { return json_answer(error.status, error_json(error)); }

// A whole number as text, all of it.
std::optional<std::uint64_t> whole_number(std::string_view text) {
  std::uint64_t value = 0;
  const auto [stop, error] = std::from_chars(text.data(), text.data() + text.size(), value);
  if (error != std::errc{} || stop != text.data() + text.size()) return std::nullopt;
  return value;
}

// Reads after= and limit= of a question to the journal; the refusal in words when one of them is no number.
std::optional<net::HttpResponse> read_paging(const net::HttpRequest& request, JournalQuery& query) {
  std::uint64_t limit = journal_limit_default;
  for (const auto& [key, into] : {std::pair{"after", &query.after}, std::pair{"limit", &limit}}) {
    const auto text = request.query_value(key);
    if (!text) continue;
    const auto number = whole_number(*text);
    if (!number) return net::http_error(400, "invalid_query", fmt::format("{}: write a whole number", key));
    *into = *number;
  }
  query.limit = std::min<std::size_t>(limit, journal_limit_max);
  return std::nullopt;
}

json::object row_json(const JournalRow& row, const picture::Picture& picture, const Status& status) {
  const NameOf name_of = [&](const model::KeyId& id) { return picture.roster().name_of(id); };
  json::object out{{"arrival", row.arrival},
                   {"arrived_ms", ms_of(row.arrived)},
                   {"dot", model::to_text(row.dot)},
                   {"class", static_cast<int>(row.dot.cls)},
                   {"folded", row.why_not.empty()},
                   {"saved", saved_json(saved_of(std::vector<model::Dot>{row.dot}, status, name_of))}};
  if (!row.why_not.empty()) out["why_not"] = row.why_not;
  if (!row.event) return out;
  const auto& event = *row.event;
  const auto* record = model::find_record(event.record);
  out["entity"] = model::to_text(event.entity);
  out["record"] = record != nullptr ? std::string(record->name) : fmt::format("record_{}", event.record);
  out["display"] = fmt::format("{}-{}", record != nullptr ? record->letter : '?', model::display_code(event.entity));
  picture::Stamp stamp{row.dot, event.time, event.quality, event.actor, event.via, event.source};
  out["stamp"] = stamp_json(stamp, row.arrived, name_of);
  json::array writes;
  for (const auto& write : event.writes) {
    const auto* field = model::find_field(event.record, write.key);
    json::object one{
        {"field", field != nullptr ? std::string(field->name) : fmt::format("field_{}", write.key.number())},
        {"value", to_json(field, write.value)}};
    if (auto words = words_of(field, write.value); !words.empty()) one["text"] = std::move(words);
    json::array replaces;
    for (const auto& dot : write.replaced) replaces.emplace_back(model::to_text(dot));
    one["replaces"] = std::move(replaces);
    writes.push_back(std::move(one));
  }
  out["writes"] = std::move(writes);
  return out;
}

json::object backup_json(const BackupInfo& backup) {
  const auto state = backup.state == BackupInfo::State::Running ? "running"
                     : backup.state == BackupInfo::State::Done  ? "done"
                                                                : "failed";
  json::object out{{"ok", backup.state != BackupInfo::State::Failed},
                   {"id", std::to_string(backup.id)},
                   {"state", state},
                   {"bytes", backup.bytes},
                   {"bytes_about", backup.bytes_about}};
  if (!backup.file.empty()) out["file"] = backup.file;
  if (!backup.why.empty()) out["why"] = backup.why;
  return out;
}

std::optional<model::EntityId> id_of(const net::PathValues& values) { return model::entity_from_text(values.at(0)); }

}  // namespace

struct Server::Parts {
  net::EventLoop& loop;
  const Clock& clock;
  Backend& backend;
  ServerOptions options;
  net::StaticFiles files;
  LiveHub live;
  net::HttpRouter router;
  std::shared_ptr<bool> alive = std::make_shared<bool>(true);
  std::unique_ptr<net::HttpServer> http;

  Parts(net::EventLoop& l, const Clock& c, Backend& b, ServerOptions o)
      : loop(l), clock(c), backend(b), options(std::move(o)), files(web_files()), live(l, c, b, options.live) {
    add_reading();
    add_writing();
    if (options.more_routes) options.more_routes(router);
    router.set_fallback([this](const net::HttpRequest& request, const net::Responder& to) {
      if (auto answer = files.answer(request)) {
        to(std::move(*answer));
        return true;
      }
      if (request.path != "/") return false;
      to(net::HttpResponse::text(200, no_page, "text/html; charset=utf-8"));
      return true;
    });
  }

  void add_reading() {
    using net::Method;
    const auto get = [this](std::string_view path, auto make) {
      router.add(Method::Get, path,
                 [make](const net::HttpRequest& r, const net::PathValues& v, net::Responder to) { to(make(r, v)); });
    };
    get("/healthz", [this](const auto&, const auto&) {
      const auto status = backend.status();
      json::array problems;
      for (const auto& problem : status->problems) problems.emplace_back(problem);
      const bool well = !status->store.refusing_writes && status->store.damaged == 0;
      json::object body{{"status", well ? "ok" : "degraded"}};
      if (!problems.empty()) body["problems"] = std::move(problems);
      return json_answer(well ? 200 : 503, body);
    });
    get("/metrics", [this](const auto&, const auto&) {
      auto text = backend.metrics();
      text += fmt::format(
          "# HELP airbridge_live_clients Pages that follow the picture.\n# TYPE airbridge_live_clients "
          "gauge\nairbridge_live_clients {}\n",
          live.clients());
      text += fmt::format(
          "# HELP airbridge_http_requests_total HTTP requests.\n# TYPE airbridge_http_requests_total "
          "counter\nairbridge_http_requests_total {}\n",
          http->counters().requests);
      return net::HttpResponse::text(200, text, "text/plain; version=0.0.4; charset=utf-8");
    });
    get("/api/v1/openapi.json",
        [this](const auto&, const auto&) { return json_answer(200, openapi_json(options.version)); });
    get("/api/v1/schema", [](const auto&, const auto&) { return json_answer(200, schema_json()); });
    get("/api/v1/state", [this](const auto&, const auto&) { return net::HttpResponse::json(200, live.snapshot()); });
    get("/api/v1/status",
        [this](const auto&, const auto&) { return json_answer(200, status_json(*backend.status())); });
    get("/api/v1/conflicts",
        [this](const auto&, const auto&) { return json_answer(200, conflicts_json(*backend.picture())); });
    get("/api/v1/entities/{id}", [this](const auto&, const net::PathValues& values) {
      const auto id = id_of(values);
      const auto picture = backend.picture();
      const auto entity = id ? picture->find(*id) : nullptr;
      if (entity == nullptr) return net::http_error(404, "not_found", "there is no record with this id here");
      const auto status = backend.status();
      const NameOf names = [&](const model::KeyId& key) { return picture->roster().name_of(key); };
      return json_answer(200,
                         entity_json(*entity, saved_of(*entity, *status, names), status->incident.exercise, names));
    });
    // The answer comes from another thread: heartbeats of all pages go on while the index is behind.
    const auto journal = [this](JournalQuery query, const net::Responder& to) {
      const auto after = query.after;
      backend.journal(std::move(query), on_loop<JournalPage>(to, [this, after](const JournalPage& page) {
                        const auto picture = backend.picture();
                        const auto status = backend.status();
                        json::array events;
                        std::uint64_t next = after;
                        for (const auto& row : page.rows) {
                          next = std::max(next, row.arrival);
                          events.push_back(row_json(row, *picture, *status));
                        }
                        return json::object{{"events", std::move(events)},
                                            {"next", next},
                                            {"indexed_through", page.indexed_through},
                                            {"complete", page.complete()}};
                      }));
    };
    router.add(Method::Get, "/api/v1/entities/{id}/history",
               [journal](const net::HttpRequest& request, const net::PathValues& values, const net::Responder& to) {
                 JournalQuery query;
                 query.entity = id_of(values);
                 if (!query.entity) return to(net::http_error(404, "not_found", "this is not the id of a record"));
                 if (auto refused = read_paging(request, query)) return to(std::move(*refused));
                 query.after = 0;  // the newest of one record
                 journal(std::move(query), to);
               });
    router.add(Method::Get, "/api/v1/events",
               [journal](const net::HttpRequest& request, const net::PathValues&, const net::Responder& to) {
                 JournalQuery query;
                 if (auto refused = read_paging(request, query)) return to(std::move(*refused));
                 query.record = std::string(request.query_value("record").value_or(""));
                 query.text = std::string(request.query_value("text").value_or(""));
                 if (!query.record.empty() && model::find_record(query.record) == nullptr)
                   return to(net::http_error(400, "invalid_query", "record: no such kind of record"));
                 journal(std::move(query), to);
               });
    get("/api/v1/backups/{id}", [this](const auto&, const net::PathValues& values) {
      const auto backup = backend.backup(whole_number(values.at(0)).value_or(0));
      if (!backup) return net::http_error(404, "not_found", "no backup of this life of the node has this number");
      return json_answer(200, backup_json(*backup));
    });
    get("/api/v1/comparisons",
        [this](const auto&, const auto&) { return json_answer(200, comparisons_json(*backend.comparisons())); });
    get("/api/v1/diagnostics-log", [](const auto&, const auto&) {
      // The lines have no values: those may name people and places, and stay here.
      json::array lines;
      for (const auto& line : log::recent())
        lines.emplace_back(
            fmt::format("{} {:<5} {}: {}", format_utc(line.time), log::name_of(line.level), line.area, line.message));
      return json_answer(200, json::object{{"lines", std::move(lines)}});
    });
    get("/api/v1/geojson", [this](const auto&, const auto&) {
      const auto picture = backend.picture();
      const auto status = backend.status();
      json::array features;
      const auto add = [&](json::object feature) {
        if (status->incident.exercise)
          feature["properties"].as_object()["exercise"] = true;  // never to be taken for real
        features.push_back(std::move(feature));
      };
      for (const auto* row : picture->entities().sorted_rows()) {
        if (auto feature = feature_of(*picture->entities().view(*row))) add(std::move(*feature));
      }
      const auto now = clock.now().utc;
      for (const auto* track : picture->tracks().sorted()) add(feature_of(*track, now));
      auto answer = json_answer(200, json::object{{"type", "FeatureCollection"},
                                                  {"incident", incident_json(status->incident)},
                                                  {"made", format_utc(now)},
                                                  {"features", std::move(features)}});
      answer.content_type = "application/geo+json";
      return answer;
    });
    router.add(Method::Get, "/api/v1/live",
               [this](const net::HttpRequest& request, const net::PathValues&, net::Responder to) {
                 live.accept(request, to);
               });
  }

  // The node answers on threads of its own: bring the answer back to this loop, if it is still there.
  template <class T>
  std::function<void(Result<T, CommandError>)> on_loop(const net::Responder& to,
                                                       std::function<json::object(const T&)> show) {
    return [&loop_ = loop, alive_ = std::weak_ptr<bool>(alive), to,
            show = std::move(show)](Result<T, CommandError> result) {
      loop_.post([alive_, to, show, result = std::move(result)] {
        if (alive_.expired()) return;
        to(result ? json_answer(200, show(*result)) : error_answer(result.error()));
      });
    };
  }
  std::function<void(CommandResult)> answer_later(const net::Responder& to) {
    return on_loop<CommandDone>(to, [](const CommandDone& result) {
      json::array dots;
      for (const auto& dot : result.dots) dots.emplace_back(model::to_text(dot));
      return json::object{{"ok", true},
                          {"entity", model::to_text(result.entity)},
                          {"display", result.display},
                          {"dots", std::move(dots)},
                          {"class", static_cast<int>(result.cls)},
                          {"saved", "here"},
                          {"repeated", result.repeated}};
    });
  }

  void add_writing() {
    router.add(
        net::Method::Post, "/api/v1/commands",
        [this](const net::HttpRequest& request, const net::PathValues&, net::Responder to) {
          const auto value = parse_json(request.body_text());
          if (!value) return to(error_answer(value.error()));
          auto draft = draft_from_json(*value);
          if (!draft) return to(error_answer(draft.error()));
          draft->source = request.peer.substr(0, request.peer.rfind(':'));
          backend.command(std::move(*draft), answer_later(to));
        },
        model::event_bytes_max);
    router.add(
        net::Method::Post, "/api/v1/recordings/{name}",
        [this](const net::HttpRequest& request, const net::PathValues& values, net::Responder to) {
          backend.recording(values.at(0), std::string(request.body_text()),
                            on_loop<Backend::Played>(to, [](const Backend::Played& played) {
                              return json::object{{"ok", true},
                                                  {"observations", played.observations},
                                                  {"aircraft", played.aircraft},
                                                  {"refused", played.refused}};
                            }));
        },
        recording_bytes_max);
    router.add(
        net::Method::Post, "/api/v1/backups",
        [this](const net::HttpRequest& request, const net::PathValues&, net::Responder to) {
          const auto value = parse_json(request.body_text());
          const auto* object = value ? value->if_object() : nullptr;
          const auto* keys = object != nullptr ? object->if_contains("with_keys") : nullptr;
          const auto begun = backend.begin_backup(keys != nullptr && keys->is_bool() && keys->get_bool());
          if (!begun) return to(error_answer(begun.error()));
          auto answer = json_answer(202, backup_json(*begun));
          answer.headers.push_back({"Location", fmt::format("/api/v1/backups/{}", begun->id)});
          to(std::move(answer));
        },
        short_body_bytes_max);
    router.add(
        net::Method::Post, "/api/v1/comparisons",
        [this](const net::HttpRequest& request, const net::PathValues&, const net::Responder& to) {
          const auto value = parse_json(request.body_text());
          const auto* object = value ? value->if_object() : nullptr;
          const auto* peer = object != nullptr ? object->if_contains("peer") : nullptr;
          if (object == nullptr || (peer != nullptr && !peer->is_string()))
            return to(
                error_answer({400, "invalid_value", "send {\"peer\":\"name or key id\"}, or {} for all", "peer", ""}));
          using Begun = std::shared_ptr<const Comparisons>;
          backend.compare(peer != nullptr ? std::string(peer->get_string()) : std::string(),
                          on_loop<Begun>(to, [](const Begun& begun) { return comparisons_json(*begun); }));
        },
        short_body_bytes_max);
    router.add(
        net::Method::Post, "/api/v1/own-position",
        [this](const net::HttpRequest& request, const net::PathValues&, net::Responder to) {
          const auto value = parse_json(request.body_text());
          if (!value) return to(error_answer(value.error()));
          const auto* object = value->if_object();
          const auto number = [&](std::string_view key) -> std::optional<double> {
            if (object == nullptr || !object->contains(key) || !object->at(key).is_number()) return std::nullopt;
            return object->at(key).to_number<double>();
          };
          std::optional<Position> position;
          if (const auto* clear = object != nullptr ? object->if_contains("clear") : nullptr) {
            if (!clear->is_bool() || !clear->get_bool())
              return to(error_answer({400, "invalid_value", "clear: write true, or send lat and lon", "clear", ""}));
            backend.own_position(std::nullopt, answer_later(to));
            return;
          }
          if (const auto lat = number("lat"), lon = number("lon"); lat && lon)
            position = Position::from_degrees(*lat, *lon);
          if (!position)
            return to(error_answer({400, "invalid_value", "lat must be -90..90 and lon -180..180", "lat", ""}));
          backend.own_position(position, answer_later(to));
        },
        short_body_bytes_max);
  }
};

Server::Server(std::unique_ptr<Parts> parts) : parts_(std::move(parts)) {}
Server::~Server() = default;
std::uint16_t Server::port() const { return parts_->http->port(); }

Result<std::unique_ptr<Server>, net::NetError> Server::create(net::EventLoop& loop, const Clock& clock,
                                                              Backend& backend, const ServerOptions& options) {
  auto parts = std::make_unique<Parts>(loop, clock, backend, options);
  net::HttpServerOptions http;
  http.insecure_lab = options.insecure_lab;
  http.bound_name = options.at.host;
  http.limits.parser.body_bytes_max = recording_bytes_max;
  http.limits.parser.body_bytes_max_of = [raw = parts.get()](const net::HttpRequest& head) {
    return raw->router.body_bytes_max(head);
  };
  http.limits.response_bytes_max = answer_bytes_max;
  auto server = net::HttpServer::create(
      loop, options.at, http,
      [raw = parts.get()](const net::HttpRequest& request, const net::Responder& to) { raw->router(request, to); });
  if (!server) return failure(server.error());
  parts->http = std::move(*server);
  return std::unique_ptr<Server>(new Server(std::move(parts)));
}

}  // namespace airbridge::api
