#include "net/kiss_line.hpp"

#include <utility>

namespace airbridge::net {

KissLine::KissLine(EventLoop& loop, KissLineOptions options, Handlers handlers)
    : options_(std::move(options)), handlers_(std::move(handlers)), decoder_(options_.frame_bytes_max) {
  ByteLine::Handlers line;
  line.on_up = [this] {
    decoder_.reset();
    const auto settings = kiss_settings(options_.port, options_.parameters);
    if (!settings.empty()) line_->send(settings);
    if (handlers_.on_up) handlers_.on_up();
  };
  line.on_bytes = [this](ByteView bytes) { take(bytes); };
  line.on_lost = [this](const std::string& why) {
    if (handlers_.on_lost) handlers_.on_lost(why);
  };
  if (auto* serial = std::get_if<SerialOptions>(&options_.line)) {
    line_ = serial_line(loop, *serial, std::move(line));
  } else {
    line_ = tcp_line(loop, std::get<LastingOptions>(options_.line), std::move(line));
  }
}

void KissLine::take(ByteView bytes) {
  counters_.received_bytes += bytes.size();
  decoder_.feed(bytes, [this](std::uint8_t port, ByteView payload) {
    if (port != options_.port) {
      ++counters_.other_ports;
      return;
    }
    ++counters_.received;
    if (handlers_.on_frame) handlers_.on_frame(payload);
  });
  counters_.spoilt = decoder_.oversized() + decoder_.broken();
}

Sent KissLine::send(ByteView frame) {
  auto outcome = Sent::Dropped;
  if (frame.size() <= options_.frame_bytes_max) {
    const auto bytes = kiss_frame(options_.port, frame);
    outcome = line_->send(bytes);
    if (outcome == Sent::Queued) {
      ++counters_.sent;
      counters_.sent_bytes += bytes.size();
    }
  }
  if (outcome != Sent::Queued) ++counters_.dropped;
  return outcome;
}

}  // namespace airbridge::net
