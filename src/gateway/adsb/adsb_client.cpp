#include "gateway/adsb/adsb_client.hpp"

#include "base/log.hpp"

namespace airbridge::gateway::adsb {
namespace {

net::LastingOptions link_options(const AdsbClientOptions& options) {
  net::LastingOptions out;
  out.to = options.to;
  out.limits.idle_max = options.idle_max;
  out.wait_min = options.reconnect_min;
  out.wait_max = options.reconnect_max;
  out.seed = options.seed;
  return out;
}

}  // namespace

AdsbClient::AdsbClient(net::EventLoop& loop, const Clock& clock, const AdsbClientOptions& options,
                       OnObservation on_observation)
    : clock_(clock),
      source_(options.to.text()),
      reader_(source_, Origin::Live, options.tracker, std::move(on_observation)),
      framer_(codec::adsb::sbs_line_bytes_max),
      link_(loop, link_options(options),
            {[this](net::Connection&) {
               framer_.reset();
               reader_.new_connection();
               log::info("adsb", "connected", {{"source", source_}});
             },
             [this](ByteView bytes) { receive(bytes); },
             [this](const std::string& why) {
               log::warn("adsb", "the feed is lost", {{"source", source_}, {"reason", why}});
             }}) {}

void AdsbClient::receive(ByteView bytes) {
  const Now now = clock_.now();
  framer_.feed(bytes, [&](std::string_view line, std::uint64_t number) {
    last_line_ = now.utc;
    reader_.read(line, number, now);
  });
  reader_.note_oversized(framer_.oversized());
}

AdsbStatus AdsbClient::status() const {
  AdsbStatus out;
  out.state = link_.state();
  out.address = source_;
  out.why = link_.why();
  if (out.why.empty() && reader_.is_other_protocol()) {
    out.why = "what comes from " + source_ + " is not SBS-1; the usual port is 30003";
  }
  out.last_line = last_line_;
  out.connects = link_.connects();
  out.aircraft = reader_.tracker().size();
  out.lines = reader_.counters();
  out.tracker = reader_.tracker().counters();
  return out;
}

}  // namespace airbridge::gateway::adsb
