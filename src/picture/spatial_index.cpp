#include "picture/spatial_index.hpp"

#include <algorithm>
#include <queue>

namespace airbridge::picture {
namespace {
constexpr std::int64_t half = 1'800'000'000;
constexpr std::int64_t quarter = 900'000'000;
std::uint32_t x_of(std::int32_t longitude) { return static_cast<std::uint32_t>(longitude + half); }
std::uint32_t y_of(std::int32_t latitude) { return static_cast<std::uint32_t>(latitude + quarter); }
}  // namespace

SpatialIndex::Cell SpatialIndex::child_of(const Cell& cell, std::size_t quadrant) {
  const auto bit = std::uint32_t{1} << (31 - cell.depth);
  return {cell.x | ((quadrant & 1) != 0 ? bit : 0), cell.y | ((quadrant & 2) != 0 ? bit : 0), cell.depth + 1};
}

Box SpatialIndex::box_of_cell(const Cell& cell) {
  const auto size = (std::int64_t{1} << (32 - cell.depth)) - 1;
  const auto on_earth = [](std::int64_t v, std::int64_t limit) {
    return static_cast<std::int32_t>(std::clamp(v, -limit, limit));
  };
  return {on_earth(cell.y - quarter, quarter), on_earth(cell.x - half, half),
          on_earth(cell.y + size - quarter, quarter), on_earth(cell.x + size - half, half)};
}

std::optional<std::size_t> SpatialIndex::quadrant_of(const Cell& cell, const Box& box) {
  if (box.wraps()) return std::nullopt;
  const auto shift = 31 - cell.depth;
  const auto side = [&](std::uint32_t v) { return (v >> shift) & 1U; };
  const auto x = side(x_of(box.west)), y = side(y_of(box.south));
  if (x != side(x_of(box.east)) || y != side(y_of(box.north))) return std::nullopt;
  return x | y << 1;
}

void SpatialIndex::query_node(const Node& node, const Cell& cell, const Box& box,
                              const std::function<void(const SpatialItem&)>& take) {
  for (const auto& item : node.items) {
    if (overlap(item.box, box)) take(item);
  }
  for (std::size_t q = 0; q < 4; ++q) {
    const auto& child = node.children[q];
    if (!child || child->count == 0) continue;
    const auto inner = child_of(cell, q);
    if (overlap(box_of_cell(inner), box)) query_node(*child, inner, box, take);
  }
}

void SpatialIndex::query(const Box& box, const std::function<void(const SpatialItem&)>& take) const {
  if (root_) query_node(*root_, {}, box, take);
}

std::vector<SpatialIndex::Near> SpatialIndex::nearest(const Position& from, std::size_t k, Metres reach) const {
  std::vector<Near> out;
  if (!root_ || k == 0) return out;
  // Best first: cells by the least distance anything in them can have, items by their own.
  struct Step {
    double distance;
    const Node* node;  // null: an item
    Cell cell;
    const void* what;
    bool operator<(const Step& other) const { return distance > other.distance; }
  };
  constexpr double rounding_m = 0.001;  // cells are never put behind an item of theirs by rounding
  std::priority_queue<Step> open;
  open.push({0, root_.get(), {}, nullptr});
  while (!open.empty() && out.size() < k) {
    const auto step = open.top();
    open.pop();
    if (step.distance > reach.value) break;
    if (step.node == nullptr) {
      out.push_back({step.what, {step.distance}});
      continue;
    }
    for (const auto& item : step.node->items) open.push({distance_to(item.box, from).value, nullptr, {}, item.what});
    for (std::size_t q = 0; q < 4; ++q) {
      const auto& child = step.node->children[q];
      if (!child || child->count == 0) continue;
      const auto inner = child_of(step.cell, q);
      open.push({std::max(0.0, distance_to(box_of_cell(inner), from).value - rounding_m), child.get(), inner, nullptr});
    }
  }
  return out;
}

void SpatialEditor::own(std::shared_ptr<Node>& node) {
  if (node && node->edition == edition_) return;
  node = node ? std::make_shared<Node>(*node) : std::make_shared<Node>();
  node->edition = edition_;
}

void SpatialEditor::add(const SpatialItem& item) {
  add_to(root_, {}, item);
  ++count_;
}

void SpatialEditor::add_to(std::shared_ptr<Node>& node, const Cell& cell, const SpatialItem& item) {
  own(node);
  ++node->count;
  if (!node->leaf) {
    if (const auto quadrant = quadrant_of(cell, item.box)) {
      add_to(node->children[*quadrant], child_of(cell, *quadrant), item);
      return;
    }
    node->items.push_back(item);
    return;
  }
  node->items.push_back(item);
  if (node->items.size() > leaf_max && cell.depth < depth_max) split(*node, cell);
}

void SpatialEditor::split(Node& node, const Cell& cell) {
  node.leaf = false;
  std::vector<SpatialItem> stay;
  for (const auto& item : node.items) {
    if (const auto quadrant = quadrant_of(cell, item.box)) {
      add_to(node.children[*quadrant], child_of(cell, *quadrant), item);
    } else {
      stay.push_back(item);
    }
  }
  node.items = std::move(stay);
}

bool SpatialEditor::remove(const SpatialItem& item) {
  if (!root_ || !remove_from(root_, {}, item)) return false;
  --count_;
  return true;
}

bool SpatialEditor::remove_from(std::shared_ptr<Node>& node, const Cell& cell, const SpatialItem& item) {
  if (!node || node->count == 0) return false;
  own(node);
  const auto quadrant = node->leaf ? std::nullopt : quadrant_of(cell, item.box);
  if (quadrant) {
    if (!remove_from(node->children[*quadrant], child_of(cell, *quadrant), item)) return false;
  } else {
    const auto found = std::find_if(node->items.begin(), node->items.end(),
                                    [&](const SpatialItem& i) { return i.what == item.what && i.box == item.box; });
    if (found == node->items.end()) return false;
    *found = node->items.back();
    node->items.pop_back();
  }
  --node->count;
  if (!node->leaf && node->count <= leaf_max / 4) {  // far below the splitting point, so that it does not flutter
    std::vector<SpatialItem> all;
    gather(*node, all);
    node->items = std::move(all);
    node->children = {};
    node->leaf = true;
  }
  return true;
}

void SpatialEditor::gather(const Node& node, std::vector<SpatialItem>& out) {
  out.insert(out.end(), node.items.begin(), node.items.end());
  for (const auto& child : node.children) {
    if (child) gather(*child, out);
  }
}

}  // namespace airbridge::picture
