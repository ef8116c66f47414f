#include "simulate/describe.hpp"

#include <fmt/format.h>

#include "sync/frame.hpp"

namespace airbridge::simulate {
namespace {

std::string short_text(const model::StreamId& stream) {
  auto text = model::to_text(stream);
  return text.substr(0, 6) + text.substr(32);
}
std::string short_text(const std::vector<sync::VectorItem>& items) {
  std::string out;
  for (const auto& item : items) out += fmt::format(" {}:{}", short_text(item.stream), item.seq);
  return out;
}

}  // namespace

std::string describe(const sync::Message& message) {
  if (const auto* run = std::get_if<sync::Run>(&message)) {
    return fmt::format("run {} {}..{}{}", short_text(run->stream), run->entries.front().seq, run->entries.back().seq,
                       run->seal ? "" : " unsealed");
  }
  if (const auto* ack = std::get_if<sync::Ack>(&message)) return "ack" + short_text(ack->items);
  if (const auto* vector = std::get_if<sync::VectorMessage>(&message))
    return (vector->base ? "vector, what changed:" : "vector") + short_text(vector->items);
  if (const auto* refused = std::get_if<sync::RunRefused>(&message)) {
    return fmt::format("refused {} {}: {}", short_text(refused->stream), refused->seq, sync::name_of(refused->reason));
  }
  if (const auto* ask = std::get_if<sync::AskVector>(&message))
    return fmt::format("asks for the vector{}{}", ask->base ? " since" : "", ask->heads ? " with heads" : "");
  if (std::holds_alternative<sync::Keys>(message)) return "keys";
  if (std::holds_alternative<sync::AskWriters>(message)) return "asks for a table of writers";
  if (std::holds_alternative<sync::Writers>(message)) return "a table of writers";
  if (std::holds_alternative<sync::ChainQuery>(message)) return "asks for chain heads";
  if (std::holds_alternative<sync::ChainReply>(message)) return "chain heads";
  return fmt::format("message {}", message.index());
}

std::string describe_frame(ByteView frame) {
  const auto payload = frame.subspan(sync::frame_head_bytes, frame.size() - sync::frame_overhead_bytes);
  const auto message = sync::decode(frame[4], payload);
  if (!message || !std::holds_alternative<sync::Message>(*message)) return "unreadable";
  return describe(std::get<sync::Message>(*message));
}

}  // namespace airbridge::simulate
