#include "cli_support.hpp"

#include <signal.h>

#include <charconv>

#include "api/json_values.hpp"
#include "home.hpp"

namespace airbridge::app {

std::string address_of_url(std::string_view url) {
  constexpr std::string_view scheme = "http://";
  if (url.starts_with(scheme)) url.remove_prefix(scheme.size());
  return std::string(url.substr(0, url.find('/')));
}

std::string running_address(const Common& common) {
  if (!common.url.empty()) return address_of_url(common.url);
  const auto text = read_file(std::filesystem::path(common.dir) / running_file, 4096);
  if (!text) return {};
  // "PID ADDRESS": a file left by a killed node names a process that is gone.
  const auto space = text->find(' ');
  int pid = 0;
  std::from_chars(text->data(), text->data() + std::min(space, text->size()), pid);
  if (pid <= 0 || ::kill(pid, 0) != 0) return {};
  return text->substr(space + 1, text->find('\n') - space - 1);
}

Result<boost::json::value, std::string> call_node(const std::string& address, std::string_view method,
                                                  std::string_view path, std::string_view body) {
  const auto answer = http_call(address, method, path, body);
  if (!answer) return failure(answer.error());
  auto value = api::parse_json(answer->body);
  if (!value)
    return failure(fmt::format("{} answered with something else than JSON (status {})", address, answer->status));
  if (answer->status >= 400) {
    const auto* object = value->if_object();
    const auto* error = object != nullptr ? object->if_contains("error") : nullptr;
    if (error != nullptr && error->is_object() && error->get_object().contains("message")) {
      const auto& inner = error->get_object();
      std::string text(inner.at("message").as_string());
      if (inner.contains("hint")) text += fmt::format(" ({})", std::string_view(inner.at("hint").as_string()));
      return failure(text);
    }
    if (answer->status != 503) return failure(fmt::format("{} answered with status {}", address, answer->status));
  }
  return std::move(*value);
}

std::string printable(std::string_view text) {
  std::string out(text);
  for (auto& c : out) {
    if (static_cast<unsigned char>(c) < 0x20 || c == 0x7F) c = ' ';
  }
  return out;
}

std::string text_at(const boost::json::object& object, std::string_view key, std::string otherwise) {
  const auto* value = object.if_contains(key);
  return value != nullptr && value->is_string() ? printable(value->get_string()) : otherwise;
}
std::int64_t number_at(const boost::json::object& object, std::string_view key) {
  const auto* value = object.if_contains(key);
  return value != nullptr && value->is_number() ? value->to_number<std::int64_t>() : 0;
}
bool flag_at(const boost::json::object& object, std::string_view key) {
  const auto* value = object.if_contains(key);
  return value != nullptr && value->is_bool() && value->get_bool();
}
const boost::json::array& list_at(const boost::json::object& object, std::string_view key) {
  static const boost::json::array none;
  const auto* value = object.if_contains(key);
  return value != nullptr && value->is_array() ? value->get_array() : none;
}
std::string age_words(std::int64_t ms) {
  const auto seconds = std::max<std::int64_t>(0, ms / 1000);
  if (seconds < 120) return fmt::format("{} s", seconds);
  if (seconds < 7200) return fmt::format("{} min", seconds / 60);
  if (seconds < 172'800) return fmt::format("{} h", seconds / 3600);
  return fmt::format("{} d", seconds / 86'400);
}

}  // namespace airbridge::app
