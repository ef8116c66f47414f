#include "private_lacking.hpp"

namespace airbridge::app {

std::set<model::Dot> private_lacking(const picture::Picture& picture, std::size_t max) {
  std::set<model::Dot> out;
  if (picture.counts().private_lacking == 0) return out;
  const auto all = picture.entities();
  all.for_each_row([&](const picture::EntityRow& row) {
    if (row.private_lacking == 0 || out.size() >= max) return;
    const auto view = all.view(row);
    for (const auto& dot : view->private_lacking) {
      if (out.size() < max) out.insert(dot);
    }
  });
  return out;
}

std::vector<model::Dot> withheld_in(const sync::LogView& log, const std::set<model::Dot>& lacking, std::size_t max) {
  std::vector<model::Dot> out;
  for (const auto& dot : lacking) {
    if (out.size() >= max) break;
    const auto held = log.runs_after(dot.stream(), dot.seq - 1, 1);
    if (held.empty()) continue;
    const auto& entry = held.front().entries.front();
    if (entry.dot() == dot && entry.private_part.state == model::PrivatePart::State::Withheld) out.push_back(dot);
  }
  return out;
}

}  // namespace airbridge::app
