#pragma once
// Where things are: points and boxes, found by box or by nearness. One thread edits, any thread reads what was frozen.
//
// A quadtree over longitude and latitude. An item lies in the smallest cell that holds it whole (points sink to the
// leaves, a box across a border stays above; one across the antimeridian at the root). Nodes are copied on the first
// change of an edition, as in shared_table.hpp. Latitude is not scaled: "near" is asked of the sphere by distance_to().
#include <array>
#include <functional>
#include <memory>
#include <vector>

#include "picture/box.hpp"

namespace airbridge::picture {

struct SpatialItem {
  Box box;
  const void* what = nullptr;  // kept alive by the table beside the index
};

class SpatialIndex {
 public:
  struct Near {
    const void* what = nullptr;
    Metres distance;
  };
  std::size_t size() const { return count_; }
  // Everything whose box overlaps, in no order.
  void query(const Box& box, const std::function<void(const SpatialItem&)>& take) const;
  // The k nearest within `reach`, nearest first.
  std::vector<Near> nearest(const Position& from, std::size_t k, Metres reach = {1e9}) const;

 protected:
  static constexpr std::size_t leaf_max = 48;  // items before a leaf splits
  static constexpr int depth_max = 26;         // cells of some 6 m: beyond it a leaf grows
  struct Node {
    std::uint64_t edition = 0;
    std::size_t count = 0;  // items here and below
    bool leaf = true;
    std::vector<SpatialItem> items;
    std::array<std::shared_ptr<Node>, 4> children;
  };
  // A square of longitude and latitude, counted in 1e-7 degree from -180 and -90; 2^32 wide at the root.
  struct Cell {
    std::uint32_t x = 0, y = 0;
    int depth = 0;
  };
  static Cell child_of(const Cell& cell, std::size_t quadrant);
  static Box box_of_cell(const Cell& cell);
  static std::optional<std::size_t> quadrant_of(const Cell& cell, const Box& box);  // none: does not fit in one
  static void query_node(const Node& node, const Cell& cell, const Box& box,
                         const std::function<void(const SpatialItem&)>& take);

  std::shared_ptr<Node> root_;
  std::size_t count_ = 0;
};

class SpatialEditor : public SpatialIndex {
 public:
  void add(const SpatialItem& item);
  bool remove(const SpatialItem& item);  // false: it was not there with this box
  SpatialIndex freeze() {
    ++edition_;
    return *this;
  }

 private:
  void own(std::shared_ptr<Node>& node);
  void add_to(std::shared_ptr<Node>& node, const Cell& cell, const SpatialItem& item);
  void split(Node& node, const Cell& cell);
  bool remove_from(std::shared_ptr<Node>& node, const Cell& cell, const SpatialItem& item);
  static void gather(const Node& node, std::vector<SpatialItem>& out);
  std::uint64_t edition_ = 1;
};

}  // namespace airbridge::picture
