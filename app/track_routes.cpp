#include "track_routes.hpp"

#include "api/json_values.hpp"

namespace airbridge::app {
namespace json = boost::json;
namespace {
constexpr double steps_a_degree = 1e5;

json::object to_json(const TracksOf& tracks) {
  json::array out;
  for (const auto& [gateway, fixes] : tracks) {
    json::array points;
    for (const auto& fix : fixes) {
      json::array point{fix.time_s * 1'000, fix.lat_e5 / steps_a_degree, fix.lon_e5 / steps_a_degree};
      if (fix.height_m) point.emplace_back(*fix.height_m);
      points.push_back(std::move(point));
    }
    out.push_back(json::object{{"node_id", gateway.hex()}, {"fixes", std::move(points)}});
  }
  return {{"tracks", std::move(out)}};
}
}  // namespace

void add_track_routes(net::HttpRouter& router, net::EventLoop& core, net::EventLoop& loop,
                      std::function<TracksOf(const model::EntityId&)> find) {
  router.add(net::Method::Get, "/api/v1/tracks/{id}/fixes",
             [&core, &loop, find = std::move(find)](const net::HttpRequest&, const net::PathValues& values,
                                                    const net::Responder& to) {
               const auto id = model::entity_from_text(values.at(0));
               if (!id) return to(net::http_error(404, "not_found", "this is not the id of a track"));
               core.post([&loop, find, to, id = *id] {
                 loop.post([to, text = api::to_text(to_json(find(id)))] { to(net::HttpResponse::json(200, text)); });
               });
             });
}

}  // namespace airbridge::app
