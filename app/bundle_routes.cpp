#include "bundle_routes.hpp"

#include <fmt/format.h>

#include <charconv>

namespace airbridge::app {
namespace json = boost::json;
namespace {

net::HttpResponse error_answer(const api::CommandError& error) {
  return net::HttpResponse::json(error.status, api::to_text(api::error_json(error)));
}

std::optional<std::uint64_t> whole_number(std::string_view text) {
  std::uint64_t value = 0;
  const auto [stop, error] = std::from_chars(text.data(), text.data() + text.size(), value);
  if (error != std::errc{} || stop != text.data() + text.size()) return std::nullopt;
  return value;
}

template <class T>
BundleDesk::Done<T> on_loop(net::EventLoop& loop, const net::Responder& to,
                            std::function<net::HttpResponse(const T&)> show) {
  return [&loop, to, show = std::move(show)](Result<T, api::CommandError> result) {
    loop.post([to, show, result = std::move(result)] { to(result ? show(*result) : error_answer(result.error())); });
  };
}

net::HttpResponse show_json(const json::object& object) { return net::HttpResponse::json(200, api::to_text(object)); }

net::HttpResponse show_piece(const BundlePiece& piece) {
  net::HttpResponse answer;
  answer.content_type = "application/octet-stream";
  answer.headers = {{"Airbridge-Part", std::to_string(piece.part)},
                    {"Airbridge-Ends", piece.ends_all    ? "all"
                                       : piece.ends_file ? "file"
                                                         : "no"},
                    {"Airbridge-Events", std::to_string(piece.written.events)},
                    {"Airbridge-Nodes", std::to_string(piece.written.authors.size())},
                    {"Airbridge-Private", std::to_string(piece.written.private_parts)},
                    {"Airbridge-Unreadable", std::to_string(piece.written.unreadable.size())}};
  answer.body = std::make_shared<const Bytes>(piece.bytes);
  return answer;
}

// What a question says of a bundle to be written; the refusal in words when something of it is wrong.
Result<BundleWish, net::HttpResponse> wish_of(const net::HttpRequest& request) {
  BundleWish wish;
  const auto text = [&](std::string_view key) { return std::string(request.query_value(key).value_or("")); };
  wish.for_name = text("for");
  if (wish.for_name.size() > bundle::for_name_bytes_max)
    return failure(
        net::http_error(400, "invalid_query", fmt::format("for: at most {} bytes", bundle::for_name_bytes_max)));
  wish.everything = text("all") == "1";
  wish.nothing = text("nothing") == "1";
  wish.since = request.body;
  const auto cls = request.query_value("class"), size = request.query_value("file_bytes_max");
  const auto class_max = whole_number(cls.value_or("2"));
  if (!class_max || *class_max >= model::class_count)
    return failure(net::http_error(400, "invalid_query", "class: write 0, 1 or 2"));
  wish.class_max = static_cast<int>(*class_max);
  const auto bytes = whole_number(size.value_or("0"));
  if (!bytes || (*bytes != 0 && *bytes < bundle::file_bytes_min))
    return failure(
        net::http_error(400, "invalid_query", fmt::format("file_bytes_max: at least {}", bundle::file_bytes_min)));
  wish.file_bytes_max = *bytes;
  return wish;
}

}  // namespace

void add_bundle_routes(net::HttpRouter& router, BundleDesk& desk, net::EventLoop& loop) {
  using net::HttpRequest, net::Method, net::PathValues, net::Responder;
  router.add(
      Method::Post, "/api/v1/bundles/writing",
      [&desk, &loop](const HttpRequest& request, const PathValues&, const Responder& to) {
        auto wish = wish_of(request);
        if (!wish) return to(std::move(wish.error()));
        desk.begin_writing(
            std::move(*wish), on_loop<BundleBegun>(loop, to, [](const BundleBegun& begun) {
              return show_json(
                  {{"ok", true}, {"id", std::to_string(begun.id)}, {"events", begun.events}, {"since", begun.since}});
            }));
      },
      bundle_start_max);
  router.add(Method::Get, "/api/v1/bundles/writing/{id}/pieces/{number}",
             [&desk, &loop](const HttpRequest&, const PathValues& values, const Responder& to) {
               desk.next_piece(whole_number(values.at(0)).value_or(0), whole_number(values.at(1)).value_or(0),
                               on_loop<BundlePiece>(loop, to, show_piece));
             });
  router.add(Method::Post, "/api/v1/bundles/writing/{id}/kept",
             [&desk, &loop](const HttpRequest&, const PathValues& values, const Responder& to) {
               desk.finish_writing(whole_number(values.at(0)).value_or(0), on_loop<json::object>(loop, to, show_json));
             });
  router.add(Method::Post, "/api/v1/bundles/reading",
             [&desk, &loop](const HttpRequest&, const PathValues&, const Responder& to) {
               desk.begin_reading(on_loop<json::object>(loop, to, show_json));
             });
  router.add(
      Method::Post, "/api/v1/bundles/reading/{id}",
      [&desk, &loop](const HttpRequest& request, const PathValues& values, const Responder& to) {
        const auto at = whole_number(request.query_value("at").value_or("0"));
        if (!at) return to(net::http_error(400, "invalid_query", "at: write a whole number"));
        desk.read_on(whole_number(values.at(0)).value_or(0), *at, request.body,
                     request.query_value("last").value_or("") == "1", on_loop<json::object>(loop, to, show_json));
      },
      bundle_upload_max);
}

}  // namespace airbridge::app
