#pragma once
// Random reads of a file, or of memory in tests and fuzzing.
#include <cstdint>
#include <filesystem>
#include <memory>
#include <string>

#include "base/bytes.hpp"
#include "base/result.hpp"

namespace airbridge::tiles {

class ByteSource {
 public:
  virtual ~ByteSource() = default;
  virtual std::uint64_t size() const = 0;
  // Exactly `length` bytes from `offset`, or a phrase that says why not. Callers bound `length` first.
  virtual Result<Bytes, std::string> read(std::uint64_t offset, std::size_t length) const = 0;
};

// A plain file, opened for reading only; the fault is a phrase that goes after the file's name.
Result<std::unique_ptr<ByteSource>, std::string> open_bytes(const std::filesystem::path& path);
std::unique_ptr<ByteSource> bytes_in_memory(Bytes bytes);

}  // namespace airbridge::tiles
