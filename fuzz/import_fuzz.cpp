// Files that people bring: byte 0 chooses between an import (our own format or GeoJSON), an invitation, and the headers
// of a backup's tar.
#include <cstdlib>

#include "home.hpp"
#include "import_file.hpp"
#include "store/tar.hpp"

using namespace airbridge;

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  if (size == 0) return 0;
  const ByteView bytes(data + 1, size - 1);
  switch (data[0] % 3) {
    case 0: {
      std::size_t sent = 0, complaints = 0;
      const auto counts = app::import_text(
          "file", as_text(bytes),
          [&](const std::string& command) -> Result<app::Sent, std::string> {
            if (command.empty()) std::abort();
            return app::Sent{"d." + std::to_string(++sent), false};
          },
          [&](const std::string& what) {
            if (what.empty()) std::abort();
            ++complaints;
          });
      if (!counts && counts.error().empty()) std::abort();
      if (counts && (counts->written != sent || (counts->refused > 0 && complaints == 0))) std::abort();
      break;
    }
    case 1:
      if (const auto invitation = app::invitation_from_text(as_text(bytes))) {
        // What it says can be handed on.
        if (!app::invitation_from_text(app::to_text(*invitation))) std::abort();
      }
      break;
    default:
      if (const auto entry = store::decode_tar(bytes)) {
        if (entry->name.empty() || entry->name.size() >= 100) std::abort();
      }
  }
  return 0;
}
