#pragma once
// The workload the sync figures are stated for, from one seed: 50 nodes that write 200 entries an hour together (60 %
// texts, 25 % updates of a field, 10 % casualties, 5 % tasks) and each have a position every 10 s. Drafts are real ones
// of the table of records, so classes, private parts and replaced dots are what operators would cause.
//
// A node knows only what was written on its side: `sides` 2 is two halves that have not met.
#include <map>
#include <optional>
#include <vector>

#include "base/rng.hpp"
#include "field_words.hpp"
#include "model/observation.hpp"
#include "trust/author.hpp"

namespace airbridge::bench {

struct FieldOptions {
  std::uint64_t seed = 1;
  int nodes = 50;
  double entries_per_hour = 200;
  int sides = 1;
  bool rare_words = true;     // false when training a dictionary
  bool private_parts = true;  // casualties have names and conditions, for those who may know
  UtcTime start = utc_from_ms(1'773'480'600'000);
};

struct FieldDraft {
  UtcTime at{};
  int node = 0;
  model::Draft draft;
};

class FieldWorkload {
 public:
  explicit FieldWorkload(const FieldOptions& options);
  // The next draft in time; each node's first is its own unit. Tell what became of it before asking for another.
  FieldDraft next();
  void written(const FieldDraft& draft, std::span<const trust::AuthoredEntry> entries);
  // From now on the nodes are in so many parts that do not hear each other. Whatever was written is known to all.
  void part(int sides);

  int nodes() const { return options_.nodes; }
  int side_of(int node) const { return node % options_.sides; }
  static trust::SigningKey key_of(std::uint64_t seed, int node);
  model::KeyId operator_of(int node) const;
  // Where a node is: on a round of its own through the area, at the pace of what it is.
  model::Observation position(int node, UtcTime at) const;

 private:
  struct Known {
    model::EntityId entity;
    model::RecordKind kind;
    std::map<std::uint32_t, model::Dot> last;  // write of each field, by key
  };
  struct Side {
    std::vector<Known> casualties, tasks, units, sites, hazards;
  };
  model::Draft text(int node);
  model::Draft update(Side& side);
  model::Draft casualty();
  model::Draft task(Side& side);
  model::Draft unit(int node);
  model::Draft set(Known& known, std::vector<std::pair<std::string_view, model::Value>> fields);
  model::Value place();
  std::vector<Known>& list_of(Side& side, model::RecordKind kind);

  FieldOptions options_;
  Rng rng_;
  FieldWords words_;
  UtcTime now_;
  int begun_ = 0;  // nodes whose units are written
  std::vector<Side> sides_;
};

struct FieldWritten {
  UtcTime at{};
  int node = 0;
  model::Entry entry;
  model::Hash head;
  model::Seal seal;
};
// The workload written by real authors.
class FieldAuthors {
 public:
  explicit FieldAuthors(const FieldOptions& options);
  FieldWorkload& workload() { return workload_; }
  const model::IncidentId& incident() const { return incident_; }
  int nodes() const { return workload_.nodes(); }
  model::KeyId operator_of(int node) const { return workload_.operator_of(node); }
  const model::Writer& writer(int node) const { return authors_[static_cast<std::size_t>(node)].writer(); }
  // Lets them write until then; goes on where an earlier call stopped. In time.
  std::vector<FieldWritten> write_until(UtcTime until);

 private:
  model::IncidentId incident_;
  FieldWorkload workload_;
  std::vector<trust::Author> authors_;
  std::optional<FieldDraft> waiting_;
};

}  // namespace airbridge::bench
