#pragma once
// Prometheus text exposition (format 0.0.4): all samples of one name stand together under its HELP and TYPE.
#include <fmt/format.h>

#include <initializer_list>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace airbridge::app {

class MetricsText {
 public:
  using Labels = std::initializer_list<std::pair<std::string_view, std::string_view>>;
  template <class Number>
  void put(std::string_view name, std::string_view type, std::string_view help, Number value, Labels labels = {}) {
    auto& family = family_of(name, type, help);
    family.samples += "airbridge_" + family.name;
    char separator = '{';
    for (const auto& [key, text] : labels) {
      family.samples += fmt::format("{}{}=\"{}\"", separator, key, escaped(text));
      separator = ',';
    }
    family.samples += fmt::format("{} {}\n", labels.size() > 0 ? "}" : "", value);
  }
  std::string text() const {
    std::string out;
    for (const auto& family : families_) {
      out += fmt::format("# HELP airbridge_{} {}\n# TYPE airbridge_{} {}\n{}", family.name, family.help, family.name,
                         family.type, family.samples);
    }
    return out;
  }

 private:
  struct Family {
    std::string name, type, help, samples;
  };
  Family& family_of(std::string_view name, std::string_view type, std::string_view help) {
    for (auto& family : families_) {
      if (family.name == name) return family;
    }
    return families_.emplace_back(Family{std::string(name), std::string(type), std::string(help), {}});
  }
  static std::string escaped(std::string_view text) {
    std::string out;
    for (const char c : text) {
      if (c == '\\' || c == '"') out += '\\';
      out += c == '\n' ? ' ' : c;
    }
    return out;
  }
  std::vector<Family> families_;
};

}  // namespace airbridge::app
