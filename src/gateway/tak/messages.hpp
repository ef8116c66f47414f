#pragma once
// How an event is treated on its way to clients. Inside gateway/tak only.
#include <string>

#include "codec/cot/event.hpp"
#include "net/connection.hpp"

namespace airbridge::gateway::tak {

inline constexpr std::string_view declaration = "<?xml version=\"1.0\" encoding=\"UTF-8\" standalone=\"yes\"?>\n";

// As it goes out: senders put a declaration before each event, and the framer has taken it off.
inline net::SharedBytes with_declaration(ByteView xml) {
  if (as_text(xml).starts_with("<?xml")) return std::make_shared<const Bytes>(xml.begin(), xml.end());
  auto out = std::make_shared<Bytes>();
  out->reserve(declaration.size() + xml.size());
  out->insert(out->end(), declaration.begin(), declaration.end());
  out->insert(out->end(), xml.begin(), xml.end());
  return out;
}

inline bool is_urgent(codec::cot::Category category) {
  switch (category) {
    case codec::cot::Category::Alert:
    case codec::cot::Category::AlertCancel:
    case codec::cot::Category::Casualty:
    case codec::cot::Category::Chat:
    case codec::cot::Category::ChatReceipt:
      return true;
    default:
      return false;
  }
}

inline bool is_kept(codec::cot::Category category) {
  switch (category) {
    case codec::cot::Category::AlertCancel:
    case codec::cot::Category::Chat:
    case codec::cot::Category::ChatReceipt:
    case codec::cot::Category::FileOffer:
    case codec::cot::Category::Ping:
    case codec::cot::Category::Pong:
    case codec::cot::Category::Delete:
    case codec::cot::Category::Control:
      return false;
    default:
      return true;
  }
}

// The uid a delete is about: its link, else itself.
inline std::string target_of(const codec::cot::Event& event) {
  for (const auto& link : event.links) {
    if (!link.uid.empty()) return link.uid;
  }
  return event.uid;
}

}  // namespace airbridge::gateway::tak
