#include "own_position.hpp"

#include <fmt/format.h>

#include <array>
#include <charconv>

#include "base/log.hpp"

namespace airbridge::app {
namespace {
constexpr std::string_view file_name = "own-position";
constexpr std::size_t file_bytes_max = 256;
}  // namespace

Result<void, HomeError> keep_own_position(const std::filesystem::path& dir, const std::optional<KeptPosition>& kept) {
  const auto path = dir / file_name;
  if (!kept) {
    std::error_code error;
    std::filesystem::remove(path, error);
    if (error) return failure(HomeError{fmt::format("cannot remove {}: {}", path.string(), error.message())});
    return {};
  }
  return write_file(path,
                    fmt::format("{:.7f} {:.7f} {}\n", kept->position.latitude.degrees(),
                                kept->position.longitude.degrees(), ms_of(kept->at)),
                    0600);
}

std::optional<KeptPosition> kept_own_position(const std::filesystem::path& dir) {
  const auto path = dir / file_name;
  if (!std::filesystem::exists(path)) return std::nullopt;
  const auto text = read_file(path, file_bytes_max);
  std::array<double, 3> numbers{};
  const char* at = text ? text->data() : nullptr;
  const char* const end = text ? text->data() + text->size() : nullptr;
  bool good = text.has_value();
  for (auto& number : numbers) {
    while (good && at != end && *at == ' ') ++at;
    const auto [stop, error] = std::from_chars(at, end, number, std::chars_format::fixed);
    good = good && error == std::errc{};
    at = stop;
  }
  const auto position = good ? Position::from_degrees(numbers[0], numbers[1]) : std::nullopt;
  if (!position || !(numbers[2] >= 0 && numbers[2] < 9e15)) {
    log::warn("node", "the own position kept from before cannot be read; set it anew on the page",
              {{"file", path.string()}});
    return std::nullopt;
  }
  return KeptPosition{*position, utc_from_ms(static_cast<std::int64_t>(numbers[2]))};
}

}  // namespace airbridge::app
