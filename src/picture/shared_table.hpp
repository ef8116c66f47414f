#pragma once
// A table of immutable values by entity id that one thread edits and any thread reads without waiting.
//
// Problem: the picture is published ten times a second, with 100,000 rows of which a few have changed; copying it all
// each time costs more than everything else. The idea: three levels (root, 64 chunks, 64 buckets each), and every node
// remembers the edition it was made in. The editor changes nodes of the current edition in place and copies older ones
// first; freeze() hands out the root and begins a new edition. So a freeze costs nothing, and a change copies at most
// one root, one chunk and one bucket per edition. The technique is that of transients in Clojure's persistent maps.
#include <algorithm>
#include <array>
#include <memory>
#include <vector>

#include "model/ids.hpp"

namespace airbridge::picture {

// What readers hold. `View` has a member `id` (EntityId). Copying it copies one pointer.
template <class View>
class Table {
 public:
  using ViewPtr = std::shared_ptr<const View>;

  // Valid as long as any table that holds the row; null when there is none.
  const View* find(const model::EntityId& id) const {
    const auto* bucket = bucket_of(id);
    if (bucket == nullptr) return nullptr;
    const auto at = lower_bound(bucket->items, id);
    return at != bucket->items.end() && (*at)->id == id ? at->get() : nullptr;
  }
  ViewPtr find_shared(const model::EntityId& id) const {
    const auto* bucket = bucket_of(id);
    if (bucket == nullptr) return nullptr;
    const auto at = lower_bound(bucket->items, id);
    return at != bucket->items.end() && (*at)->id == id ? *at : nullptr;
  }
  std::size_t size() const { return root_ ? root_->count : 0; }
  bool empty() const { return size() == 0; }
  // In an order that means nothing but is the same for the same ids.
  template <class F>
  void for_each(F&& take) const {
    if (!root_) return;
    for (const auto& chunk : root_->chunks) {
      if (!chunk) continue;
      for (const auto& bucket : chunk->buckets) {
        if (!bucket) continue;
        for (const auto& item : bucket->items) take(*item);
      }
    }
  }
  std::vector<const View*> sorted() const {  // by id
    std::vector<const View*> out;
    out.reserve(size());
    for_each([&](const View& view) { out.push_back(&view); });
    std::sort(out.begin(), out.end(), [](const View* a, const View* b) { return a->id < b->id; });
    return out;
  }

 protected:
  static constexpr std::size_t fan = 64;
  struct Bucket {
    std::uint64_t edition = 0;
    std::vector<ViewPtr> items;  // ascending by id
  };
  struct Chunk {
    std::uint64_t edition = 0;
    std::array<std::shared_ptr<Bucket>, fan> buckets;
  };
  struct Root {
    std::uint64_t edition = 0;
    std::size_t count = 0;
    std::array<std::shared_ptr<Chunk>, fan> chunks;
  };
  static std::size_t spread(const model::EntityId& id) {
    return (std::hash<model::EntityId>()(id) * 0x9E3779B97F4A7C15U) >> 52;  // 12 bits
  }
  static auto lower_bound(const std::vector<ViewPtr>& items, const model::EntityId& id) {
    return std::lower_bound(items.begin(), items.end(), id,
                            [](const ViewPtr& view, const model::EntityId& wanted) { return view->id < wanted; });
  }
  const Bucket* bucket_of(const model::EntityId& id) const {
    if (!root_) return nullptr;
    const auto slot = spread(id);
    const auto& chunk = root_->chunks[slot / fan];
    return chunk ? chunk->buckets[slot % fan].get() : nullptr;
  }
  std::shared_ptr<Root> root_;
};

// The one thread that changes the table.
template <class View>
class TableEditor : public Table<View> {
  using Base = Table<View>;

 public:
  using ViewPtr = typename Base::ViewPtr;
  void put(ViewPtr view) {
    auto& items = writable(view->id).items;
    const auto at = items.begin() + (Base::lower_bound(items, view->id) - items.begin());
    if (at != items.end() && (*at)->id == view->id) {
      *at = std::move(view);
    } else {
      items.insert(at, std::move(view));
      ++this->root_->count;
    }
  }
  bool erase(const model::EntityId& id) {
    if (this->find(id) == nullptr) return false;
    auto& items = writable(id).items;
    items.erase(items.begin() + (Base::lower_bound(items, id) - items.begin()));
    --this->root_->count;
    return true;
  }
  // Puts or erases.
  void set(ViewPtr view, bool present) { present ? put(std::move(view)) : static_cast<void>(erase(view->id)); }
  Table<View> freeze() {
    ++edition_;
    return *this;
  }

 private:
  template <class Node>
  void own(std::shared_ptr<Node>& node) {
    if (node && node->edition == edition_) return;
    node = node ? std::make_shared<Node>(*node) : std::make_shared<Node>();
    node->edition = edition_;
  }
  typename Base::Bucket& writable(const model::EntityId& id) {
    const auto slot = Base::spread(id);
    own(this->root_);
    auto& chunk = this->root_->chunks[slot / Base::fan];
    own(chunk);
    auto& bucket = chunk->buckets[slot % Base::fan];
    own(bucket);
    return *bucket;
  }
  std::uint64_t edition_ = 1;
};

}  // namespace airbridge::picture
