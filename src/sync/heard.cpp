#include "sync/heard.hpp"

#include <algorithm>

#include "base/hash.hpp"
#include "sync/frame.hpp"
#include "sync/limits.hpp"

namespace airbridge::sync {
namespace {
constexpr std::string_view magic = "AIRBHRD1";
constexpr std::size_t check_bytes = 8;
constexpr auto vector_type = static_cast<std::uint8_t>(MessageType::Vector);

void put(Bytes& out, ByteView bytes) { out.insert(out.end(), bytes.begin(), bytes.end()); }

// One message of it, its key id included; nothing when it is not one.
std::optional<HeardNode> read_node(std::uint8_t type, ByteView payload) {
  if (type != vector_type || payload.size() < model::KeyId::size) return std::nullopt;
  HeardNode out;
  out.node = *model::KeyId::from(payload.first(model::KeyId::size));
  const auto decoded = decode(type, payload.subspan(model::KeyId::size));
  if (!decoded) return std::nullopt;
  const auto* message = std::get_if<Message>(&*decoded);
  const auto* vector = message == nullptr ? nullptr : std::get_if<VectorMessage>(message);
  if (vector == nullptr || vector->base || vector->items.size() > vector_streams_max) return std::nullopt;
  HeldVector held;
  for (const auto& item : vector->items) {
    if (item.seq == 0) return std::nullopt;
    held[item.stream] = {item.seq, item.head == Head4{} ? std::nullopt : item.head};
  }
  out.held = std::move(held);
  return out;
}
}  // namespace

Bytes encode_heard(const model::IncidentId& incident, const model::KeyId& here, const std::vector<HeardNode>& nodes) {
  Bytes out = to_bytes(as_bytes(magic));
  put(out, incident.view());
  put(out, here.view());
  for (const auto& node : nodes) {
    VectorMessage message;
    message.items.reserve(node.held->size());
    for (const auto& [stream, held] : *node.held) message.items.push_back({stream, held.seq, held.head});
    const auto frame = encode(message);
    Bytes payload;
    payload.reserve(model::KeyId::size + frame.size());
    put(payload, node.node.view());
    put(payload, ByteView(frame).subspan(frame_head_bytes, frame.size() - frame_overhead_bytes));
    const auto whole = make_frame(vector_type, payload);
    if (out.size() + whole.size() + check_bytes <= heard_bytes_max) put(out, whole);
  }
  put(out, blake2b<check_bytes>({out}));
  return out;
}

Result<std::vector<HeardNode>, std::string> decode_heard(ByteView bytes, const model::IncidentId& incident,
                                                         const model::KeyId& here) {
  const auto head_bytes = magic.size() + incident.value.size() + here.value.size();
  if (bytes.size() < head_bytes + check_bytes || bytes.size() > heard_bytes_max)
    return failure(std::string("it has not the length of such a file"));
  if (!std::ranges::equal(bytes.first(magic.size()), as_bytes(magic)))
    return failure(std::string("it is no such file, or of another version"));
  const auto body = bytes.first(bytes.size() - check_bytes);
  if (!std::ranges::equal(blake2b<check_bytes>({body}), bytes.last(check_bytes)))
    return failure(std::string("its checksum does not fit"));
  if (!std::ranges::equal(body.subspan(magic.size(), incident.value.size()), incident.view()))
    return failure(std::string("it is of another incident"));
  if (!std::ranges::equal(body.subspan(magic.size() + incident.value.size(), here.value.size()), here.view()))
    return failure(std::string("another node heard it"));

  std::vector<HeardNode> nodes;
  std::size_t streams = 0;
  bool is_good = true;
  FrameReader reader;
  const auto error = reader.feed(body.subspan(head_bytes), [&](std::uint8_t type, ByteView payload, std::uint64_t) {
    auto node = read_node(type, payload);
    is_good = node && nodes.size() < remembered_nodes_max && streams + node->held->size() <= remembered_streams_max;
    if (!is_good) return false;
    streams += node->held->size();
    nodes.push_back(std::move(*node));
    return true;
  });
  if (!is_good || error || reader.held_bytes() > 0) return failure(std::string("what it says cannot be read"));
  return nodes;
}

}  // namespace airbridge::sync
