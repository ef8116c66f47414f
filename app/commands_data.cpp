// import and export: files in and out.
#include <cstdio>
#include <filesystem>

#include "cli_support.hpp"
#include "home.hpp"
#include "import_file.hpp"
#include "with_node.hpp"

namespace airbridge::app {
namespace {

constexpr std::size_t import_bytes_max = std::size_t{64} << 20;

// Airbridge's own records and GeoJSON are JSON objects with these keys; everything else is taken for a recording.
bool is_records(std::string_view text) {
  const auto head = text.substr(0, 4096);
  return head.find("\"airbridge_import\"") != head.npos || head.find("\"FeatureCollection\"") != head.npos;
}

}  // namespace

int run_import(const Common& common, const std::vector<std::string>& files) {
  const auto node = AskedNode::open(common);
  if (!node) return complain("{}", node.error());
  const auto send = [&](const std::string& command) -> Result<Sent, std::string> {
    const auto answer = call_node(node->address(), "POST", "/api/v1/commands", command);
    if (!answer) return failure(answer.error());
    const auto& object = answer->as_object();
    return Sent{std::string(object.at("entity").as_string()), object.at("repeated").as_bool()};
  };
  int status = 0;
  for (const auto& file : files) {
    const auto text = read_file(file, import_bytes_max);
    if (!text) {
      status = complain("{}", text.error().text);
      continue;
    }
    const auto name = std::filesystem::path(file).filename().string();
    if (!is_records(*text)) {
      const auto answer = call_node(node->address(), "POST", "/api/v1/recordings/" + name, *text);
      if (!answer) {
        status = complain("{}: {}", file, answer.error());
        continue;
      }
      const auto& object = answer->as_object();
      fmt::print("{}: {} positions of {} aircraft, marked as replayed; {} items refused\n", file,
                 object.at("observations").to_number<std::uint64_t>(), object.at("aircraft").to_number<std::uint64_t>(),
                 object.at("refused").to_number<std::uint64_t>());
      continue;
    }
    const auto counts = import_text(name, *text, send, [](const std::string& what) { complain("{}", what); });
    if (!counts) {
      status = complain("{}", counts.error());
      continue;
    }
    if (counts->tracks > 0) fmt::print("{}: {} tracks left out, they are no records\n", file, counts->tracks);
    fmt::print("{}: {} records written, {} were here already, {} refused\n", file, counts->written, counts->repeated,
               counts->refused);
    if (counts->refused > 0) status = 1;
  }
  return status;
}

int run_export(const Common& common, const std::string& out) {
  const auto node = AskedNode::open(common);
  if (!node) return complain("{}", node.error());
  const auto answer = http_call(node->address(), "GET", "/api/v1/geojson");
  if (!answer) return complain("{}", answer.error());
  if (answer->status != 200) return complain("{} answered with status {}", node->address(), answer->status);
  if (out.empty()) {
    std::fwrite(answer->body.data(), 1, answer->body.size(), stdout);
    std::fputc('\n', stdout);
    return 0;
  }
  if (const auto written = write_file(out, answer->body, 0644); !written) return complain("{}", written.error().text);
  return 0;
}

}  // namespace airbridge::app
