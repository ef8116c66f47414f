#pragma once
// The records of a picture, or some of them: kept as rows (entity_row.hpp), shown as views that are made when asked
// for. Cheap to copy. Any thread.
#include <optional>

#include "picture/entity_row.hpp"
#include "picture/shared_table.hpp"

namespace airbridge::picture {

using EntityPtr = std::shared_ptr<const EntityView>;

class Records {
 public:
  Records() = default;
  Records(Table<EntityRow> rows, std::shared_ptr<const KeyTable> keys,
          std::optional<std::uint16_t> record = std::nullopt)
      : rows_(std::move(rows)), keys_(std::move(keys)), only_(record) {}

  std::size_t size() const {
    if (!only_) return rows_.size();
    std::size_t count = 0;
    for_each_row([&](const EntityRow&) { ++count; });
    return count;
  }
  bool empty() const { return size() == 0; }
  EntityPtr find(const model::EntityId& id) const {
    const auto* row = find_row(id);
    return row == nullptr ? nullptr : view(*row);
  }
  // In an order that means nothing but is the same for the same ids. `take` gets an EntityView that lives as long as
  // the call.
  template <class F>
  void for_each(F&& take) const {
    for_each_row([&](const EntityRow& row) { take(view_of(row, *keys_)); });
  }
  std::vector<EntityPtr> sorted() const {  // by id; all views at once, so for few
    std::vector<EntityPtr> out;
    for (const auto* row : sorted_rows()) out.push_back(view(*row));
    return out;
  }

  // Rows live as long as the picture they came from. Views of them are the caller's.
  template <class F>
  void for_each_row(F&& take) const {
    rows_.for_each([&](const EntityRow& row) {
      if (shows(row)) take(row);
    });
  }
  const EntityRow* find_row(const model::EntityId& id) const {
    const auto* row = rows_.find(id);
    return row != nullptr && shows(*row) ? row : nullptr;
  }
  std::vector<const EntityRow*> sorted_rows() const {
    auto out = rows_.sorted();
    std::erase_if(out, [this](const EntityRow* row) { return !shows(*row); });
    return out;
  }
  EntityPtr view(const EntityRow& row) const { return std::make_shared<const EntityView>(view_of(row, *keys_)); }
  RowBrief brief(const EntityRow& row) const { return brief_of(row, *keys_); }

 private:
  bool shows(const EntityRow& row) const { return !only_ || row.record == *only_; }
  Table<EntityRow> rows_;
  std::shared_ptr<const KeyTable> keys_;
  std::optional<std::uint16_t> only_;
};

}  // namespace airbridge::picture
