#include "tiles/byte_source.hpp"

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>
#include <system_error>

namespace airbridge::tiles {

namespace {

class FileBytes final : public ByteSource {
 public:
  FileBytes(int file, std::uint64_t size) : file_(file), size_(size) {}
  ~FileBytes() override { ::close(file_); }
  FileBytes(const FileBytes&) = delete;
  FileBytes& operator=(const FileBytes&) = delete;

  std::uint64_t size() const override { return size_; }
  Result<Bytes, std::string> read(std::uint64_t offset, std::size_t length) const override {
    Bytes out(length);
    std::size_t have = 0;
    while (have < length) {
      const auto got = ::pread(file_, out.data() + have, length - have, static_cast<off_t>(offset + have));
      if (got < 0 && errno == EINTR) continue;
      if (got < 0) return failure("cannot be read: " + std::generic_category().message(errno));
      if (got == 0) return failure(std::string("became shorter while in use"));
      have += static_cast<std::size_t>(got);
    }
    return out;
  }

 private:
  int file_;
  std::uint64_t size_;
};

class MemoryBytes final : public ByteSource {
 public:
  explicit MemoryBytes(Bytes bytes) : bytes_(std::move(bytes)) {}
  std::uint64_t size() const override { return bytes_.size(); }
  Result<Bytes, std::string> read(std::uint64_t offset, std::size_t length) const override {
    if (offset > bytes_.size() || length > bytes_.size() - offset) return failure(std::string("is too short"));
    return to_bytes(ByteView(bytes_).subspan(static_cast<std::size_t>(offset), length));
  }

 private:
  Bytes bytes_;
};

}  // namespace

Result<std::unique_ptr<ByteSource>, std::string> open_bytes(const std::filesystem::path& path) {
  // O_NONBLOCK, so that a pipe of that name does not hold up the start.
  const int file = ::open(path.c_str(), O_RDONLY | O_CLOEXEC | O_NONBLOCK);
  if (file < 0) return failure("cannot be opened: " + std::generic_category().message(errno));
  struct stat about{};
  if (::fstat(file, &about) != 0 || !S_ISREG(about.st_mode)) {
    ::close(file);
    return failure(std::string(S_ISDIR(about.st_mode) ? "is a folder, not a map file" : "is not a plain file"));
  }
  return std::make_unique<FileBytes>(file, static_cast<std::uint64_t>(about.st_size));
}

std::unique_ptr<ByteSource> bytes_in_memory(Bytes bytes) { return std::make_unique<MemoryBytes>(std::move(bytes)); }

}  // namespace airbridge::tiles
