// Hostile bytes as a message of a narrow link. Input: byte 0, bit 0: a table is known under every tag, bit 1: two are;
// the rest is the message. What can be read is written and read again: both times it must say the same.
#include "sync/compact_position.hpp"

using namespace airbridge;
using namespace airbridge::sync;

namespace {
struct Receiver {
  Receiver() {
    std::vector<model::Writer> writers;
    for (std::uint8_t i = 0; i < 40; ++i) {
      model::Writer writer;
      writer.author.value.fill(static_cast<std::uint8_t>(i * 5));
      writer.incarnation = i % 4;
      writers.push_back(writer);
      base[{writer, static_cast<model::Class>(i % 3), {}}] = {i * 7U, {}};
    }
    large.emplace(writers);
    writers.resize(3);
    small.emplace(writers);
    model::Observation seen;
    seen.callsign = "RESCUE 1";
    observation = model::encode(seen);
    context.vector = [this](const Digest&) { return &base; };
    context.known = [this](std::uint16_t tag) { return std::vector<ByteView>(tag % 3, ByteView(observation)); };
    context.now = utc_from_ms(1'767'225'600'000);
  }
  std::optional<WriterTable> large, small;
  HeldVector base;
  Bytes observation;
  CompactContext context;
};

const Message* known(const Result<CompactMessage, CompactError>& read) {
  return read ? std::get_if<Message>(&read->message) : nullptr;
}
}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  if (size < 2) return 0;
  static Receiver receiver;
  auto context = receiver.context;
  const auto mode = data[0];
  context.tables = [mode](WriterTag) {
    std::vector<const WriterTable*> out;
    if ((mode & 2) != 0) out.push_back(&*receiver.small);
    if ((mode & 1) != 0) out.push_back(&*receiver.large);
    return out;
  };
  if ((mode & 1) != 0) context.table = &*receiver.large;
  const ByteView bytes(data + 1, size - 1);
  if (dense_bytes_of(bytes) > bytes.size()) std::abort();
  const auto first = decode_compact(bytes, context);
  const auto* message = known(first);
  if (message == nullptr) return 0;
  context.tables = [](WriterTag) { return std::vector<const WriterTable*>{&*receiver.large}; };
  const auto written = encode_compact(*message, context);
  if (dense_bytes_of(written) > written.size()) std::abort();
  const auto second = decode_compact(written, context);
  const auto* again = known(second);
  if (again == nullptr || encode_compact(*again, context) != written) std::abort();
  return 0;
}
