// What a browser or a script sends as a command: any bytes either become a draft whose event can be written and read
// again, or an error that names what is wrong.
#include <cstdlib>

#include "api/json_values.hpp"
#include "model/event.hpp"

using namespace airbridge;

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  const auto parsed = api::parse_json(as_text(ByteView(data, size)));
  if (!parsed) {
    if (parsed.error().message.empty()) std::abort();
    return 0;
  }
  const auto draft = api::draft_from_json(*parsed);
  if (!draft) {
    if (draft.error().message.empty() || draft.error().status < 400) std::abort();
    return 0;
  }
  for (const auto& write : draft->writes) {
    const auto* field = model::find_field(draft->record, write.key);
    if (field == nullptr) std::abort();  // a command names what this version knows
    (void)api::to_text(api::to_json(field, write.value));
  }
  return 0;
}
