// Merging tested as algebra: whatever the order, the cut, the repetition, the state is that of the set of events; and
// it is what a slow, obvious implementation computes from the whole set.
#include <doctest/doctest.h>

#include <algorithm>
#include <set>

#include "picture/test_world.hpp"

using namespace airbridge;
using namespace airbridge::picture;
using namespace airbridge::picture::test;
using model::Class;
using model::Dot;
using model::EntityId;
using model::MergeRule;
using model::Value;

namespace {

// --- random worlds: a few devices (one never granted, one granted by one of the events), few entities, every rule,
// writes that replace what their author may have seen and sometimes what nobody ever wrote.

class Generator {
 public:
  explicit Generator(std::uint64_t seed) : rng_(seed) {}

  World make(std::size_t count) {
    World w;
    for (std::uint8_t device = 2; device <= 4; ++device) w.grant(device);
    for (std::size_t i = 0; i < count; ++i) {
      if (rng_.chance(0.03)) {
        w.grant(static_cast<std::uint8_t>(5 + rng_.below(2)), static_cast<std::uint8_t>(1 + rng_.below(5)));
      }
      one(w);
    }
    if (rng_.chance(0.3)) w.log[w.log.size() - 1 - rng_.below(count)].event.reset();  // one that cannot be parsed
    return w;
  }

 private:
  EntityId entity(const World& w) {
    if (rng_.chance(0.25)) return model::external_name("tak", std::to_string(rng_.below(2)));
    const auto& e = w.log[rng_.below(w.log.size())];
    return e.event && e.event->entity.dot() ? e.event->entity : EntityId(e.dot);
  }

  std::vector<Dot> some_dots(const World& w, std::size_t most) {
    std::vector<Dot> out;
    for (auto n = rng_.below(most + 1); n > 0; --n) out.push_back(w.log[rng_.below(w.log.size())].dot);
    if (rng_.chance(0.05)) out.push_back({World::device(3), Class::Routine, 1000 + rng_.below(3)});
    return out;
  }

  Value value(const World& w, const model::FieldSpec& field) {
    if (rng_.chance(0.12)) return {};
    switch (field.rule) {
      case MergeRule::Claim:
        return entity(w);
      case MergeRule::Versions:
        return Value::List{Value(Bytes{static_cast<std::uint8_t>(rng_.below(4))}),
                           rng_.chance(0.3) ? Value() : Value(Bytes{static_cast<std::uint8_t>(rng_.below(4))})};
      case MergeRule::Tombstone:
        return rng_.chance(0.8);
      default:
        break;
    }
    if (field.type == model::ValueType::Entity) return entity(w);
    return static_cast<std::int64_t>(1 + rng_.below(7));
  }

  void one(World& w) {
    const auto device = static_cast<std::uint8_t>(2 + rng_.below(5));
    const auto& spec = model::records()[rng_.chance(0.8) ? 6 : rng_.below(model::records().size())];  // often a task
    model::Event event;
    event.record = code(spec.kind);
    event.time = model::Hlc{1000 + rng_.below(20)};  // clocks collide
    event.quality = static_cast<model::ClockQuality>(rng_.below(2));
    if (rng_.chance(0.1)) event.actor = key_of(static_cast<std::uint8_t>(3 + rng_.below(4))).id();
    event.entity = entity(w);
    const auto writes = rng_.below(4);
    for (std::size_t i = 0; i < writes; ++i) {
      const auto& fields = rng_.chance(0.35) ? model::common_fields() : spec.fields;
      const auto& field = fields[rng_.below(fields.size())];
      auto key = field.key();
      if (rng_.chance(0.05)) key = model::FieldKey::of(900, static_cast<MergeRule>(rng_.below(11)));
      auto v = value(w, field);
      event.writes.push_back({key, std::move(v), some_dots(w, key.rule() == MergeRule::Tombstone ? 8 : 2)});
    }
    event.after = some_dots(w, 1);
    w.make(World::device(device), static_cast<Class>(rng_.below(3)), std::move(event), rng_.chance(0.3));
  }

  Rng rng_;
};

// A random interleaving that keeps each stream's own order.
std::vector<FoldEvent> shuffled(const std::vector<FoldEvent>& log, Rng& rng) {
  std::map<model::StreamId, std::vector<FoldEvent>> streams;
  for (const auto& e : log) streams[e.dot.stream()].push_back(e);
  std::vector<std::pair<std::vector<FoldEvent>, std::size_t>> open;
  for (auto& [id, events] : streams) open.push_back({std::move(events), 0});
  std::vector<FoldEvent> out;
  while (!open.empty()) {
    auto& [events, at] = open[rng.below(open.size())];
    for (auto n = 1 + rng.below(4); n > 0 && at < events.size(); --n) out.push_back(events[at++]);
    std::erase_if(open, [](const auto& s) { return s.second == s.first.size(); });
  }
  return out;
}

// --- the naive twin: everything computed from the whole set, by the definitions

struct Naive {
  const World& world;
  std::vector<FoldEvent> in;  // what may be folded
  std::set<Dot> folded;
  struct Item {
    Dot dot;
    std::size_t index;
    Value value;
    const FoldEvent* event;
    std::vector<Dot> replaced;
  };
  static bool covered(const std::vector<Dot>& coverage, const Dot& dot) {
    return std::any_of(coverage.begin(), coverage.end(),
                       [&](const Dot& c) { return c.writer == dot.writer && c.cls == dot.cls && dot.seq <= c.seq; });
  }

  explicit Naive(const World& w) : world(w) {
    trust::Roster roster(w.incident, w.genesis);
    for (const auto& e : w.log) {
      if (!e.event || e.event->record != code(model::RecordKind::Membership)) continue;
      for (const auto& write : e.event->writes) {
        if (write.value.bytes() == nullptr || write.key != key(e.event->record, "grant")) continue;
        if (const auto grant = trust::decode_grant(*write.value.bytes())) roster.add(*grant);
      }
    }
    for (const auto& e : w.log) {
      if (!e.event) continue;
      bool may = roster.may_write(e.dot.writer.author) && (!e.event->actor || roster.may_write(*e.event->actor));
      if (!may && e.event->record == code(model::RecordKind::Membership) && e.event->writes.size() == 1) {
        const auto& only = e.event->writes[0];
        may = only.key == key(e.event->record, "grant") && only.value.bytes() != nullptr;  // as World::grant makes them
      }
      if (!may) continue;
      in.push_back(e);
      folded.insert(e.dot);
    }
  }

  // The current writes of one field of an entity.
  std::vector<Item> current(const EntityId& id, std::uint16_t record, model::FieldKey wanted) const {
    std::vector<Item> all, out;
    for (const auto& e : in) {
      if (e.event->entity != id) continue;
      if (wanted.number() > 5 && e.event->record != record) continue;
      for (std::size_t i = 0; i < e.event->writes.size(); ++i) {
        const auto& w = e.event->writes[i];
        if (w.key == wanted) all.push_back({e.dot, i, w.value, &e, w.replaced});
      }
    }
    for (const auto& item : all) {
      const bool tombstone = wanted.rule() == MergeRule::Tombstone;
      const bool gone = std::any_of(all.begin(), all.end(), [&](const Item& other) {
        return tombstone ? covered(other.replaced, item.dot)
                         : std::count(other.replaced.begin(), other.replaced.end(), item.dot) > 0;
      });
      if (!gone && !(wanted.rule() == MergeRule::OrSet && item.value.is_null())) out.push_back(item);
    }
    return out;
  }

  static bool earlier(const FoldEvent& a, const FoldEvent& b) {
    return std::pair(a.event->time, a.dot) < std::pair(b.event->time, b.dot);
  }

  // Per entity a line of facts that the picture must show too.
  std::string describe() const {
    std::set<EntityId> ids;
    for (const auto& e : in) ids.insert(e.event->entity);
    std::string out;
    for (const auto& id : ids) {
      const FoldEvent* first = nullptr;
      const FoldEvent* last = nullptr;
      const FoldEvent* creator = nullptr;
      std::set<model::KeyId> waits;
      std::set<std::pair<std::uint16_t, model::FieldKey>> fields;
      std::map<model::StreamId, Dot> bare;
      const auto await = [&](const Dot& dot) {
        bool readable = true;
        for (const auto& e : world.log) readable = readable && (e.dot != dot || e.event);
        if (!folded.contains(dot) && readable) waits.insert(dot.writer.author);
      };
      for (const auto& e : in) {
        if (e.event->entity != id) continue;
        if (first == nullptr || earlier(e, *first)) first = &e;
        if (last == nullptr || earlier(*last, e)) last = &e;
        if (id == EntityId(e.dot)) creator = &e;
        for (const auto& dot : e.event->after) {
          if (dot != e.dot) await(dot);
        }
        if (e.event->writes.empty()) {
          auto& dot = bare[e.dot.stream()];
          if (dot.seq < e.dot.seq) dot = e.dot;
        }
        for (const auto& w : e.event->writes) {
          fields.emplace(w.key.number() <= 5 ? std::uint16_t{0} : e.event->record, w.key);
        }
      }
      if (creator == nullptr && id.dot() != nullptr) await(*id.dot());
      const auto record = creator != nullptr ? creator->event->record : first->event->record;
      // Deleted?
      const auto deleted_key = model::FieldKey::of(0, MergeRule::Tombstone);
      const auto stones = current(id, 0, deleted_key);
      const auto is_true = [](const Item& i) { return i.value.boolean() != nullptr && *i.value.boolean(); };
      bool any_true = false, deleted = false;
      for (const auto& stone : stones) {
        if (!is_true(stone)) continue;
        any_true = true;
        bool all = true;
        // Whatever any current tombstone of the same author names counts.
        const auto check = [&](const Dot& dot) {
          all = all && (dot == stone.dot || std::any_of(stones.begin(), stones.end(), [&](const Item& other) {
                          return is_true(other) && other.dot.writer.author == stone.dot.writer.author &&
                                 covered(other.replaced, dot);
                        }));
        };
        for (const auto& [r, k] : fields) {
          for (const auto& item : current(id, r, k)) {
            if (k != deleted_key || !is_true(item)) check(item.dot);
          }
        }
        for (const auto& [stream, dot] : bare) check(dot);
        deleted = deleted || all;
      }
      out += fmt::format("{} record {}{}{}{}", text(id), record,
                         creator == nullptr && id.dot() != nullptr ? " placeholder" : "", deleted ? " deleted" : "",
                         any_true && !deleted ? " revived" : "");
      for (const auto& author : waits) out += " waits:" + author.hex().substr(0, 4);
      out += fmt::format(" {}..{}\n", text(first->dot), text(last->dot));
      for (const auto& [r, k] : fields) {
        if (k == deleted_key) continue;
        auto items = current(id, r, k);
        if (items.empty()) continue;
        const auto* spec = r == 0 || r == record ? model::find_field(record, k) : nullptr;
        out += fmt::format(" {}{}:", k.raw, spec == nullptr ? "?" : "");
        // The acting value, by the definition of the rule.
        const auto rank = [](const Item& i) {
          return std::tuple(i.event->event->quality, i.event->event->time, i.dot.writer.author, i.dot);
        };
        const auto before = [](const Item& a, const Item& b) {
          return std::tuple(a.event->event->time, a.dot, a.index) < std::tuple(b.event->event->time, b.dot, b.index);
        };
        std::set<Value> values;
        for (const auto& i : items) values.insert(i.value);
        std::int64_t sum = 0;
        switch (k.rule()) {
          case MergeRule::Append:
            std::sort(items.begin(), items.end(), before);
            for (const auto& i : items) out += " " + text(i.value);
            break;
          case MergeRule::Counter:
            for (const auto& i : items) sum += i.value.integer() != nullptr ? *i.value.integer() : 0;
            out += fmt::format(" {}", sum);
            break;
          case MergeRule::OrSet:
            for (const auto& v : values) out += " " + text(v);
            break;
          case MergeRule::Versions:
            break;  // heads have their own test
          default: {
            std::sort(items.begin(), items.end(), [&](const Item& a, const Item& b) {
              if (k.rule() == MergeRule::MultiValue) {
                const auto x = model::caution_of(spec, a.value), y = model::caution_of(spec, b.value);
                if (x != y) return x > y;
              }
              return rank(a) != rank(b) ? rank(a) > rank(b) : b.value < a.value;
            });
            out += fmt::format(" {} of {}", text(items.front().value), values.size());
            const bool conflict =
                values.size() > 1 && (k.rule() == MergeRule::MultiValue || k.rule() == MergeRule::Claim ||
                                      k.rule() == MergeRule::StateMachine);
            if (conflict) out += " CONFLICT";
          }
        }
        out += "\n";
      }
    }
    return out;
  }
};

// The same facts of a picture.
std::string facts_of(const Picture& picture) {
  std::string out;
  for (const auto& v : picture.entities().sorted()) {
    out += fmt::format("{} record {}{}{}{}", text(v->id), v->record, v->placeholder ? " placeholder" : "",
                       v->deleted ? " deleted" : "", v->revived ? " revived" : "");
    for (const auto& author : v->waiting_for) out += " waits:" + author.hex().substr(0, 4);
    out += fmt::format(" {}..{}\n", text(v->created->dot), text(v->updated->dot));
    std::map<std::pair<std::uint32_t, std::uint32_t>, std::string> lines;  // in the twin's order
    std::uint32_t n = 0;
    const auto line = [&](const FieldView& f, bool newer) {
      auto s = fmt::format(" {}{}:", f.key.raw, newer ? "?" : "");
      switch (f.key.rule()) {
        case MergeRule::Append:
        case MergeRule::OrSet:
          for (const auto& c : f.values) s += " " + text(c.value);
          break;
        case MergeRule::Counter:
          s += " " + text(f.acting.value);
          break;
        case MergeRule::Versions:
          break;
        default: {
          // A clash with another task is not of this field alone: the twin counts siblings.
          const bool clash =
              std::any_of(v->clashes.begin(), v->clashes.end(), [&](const Clash& c) { return c.key == f.key; });
          s += fmt::format(" {} of {}", text(f.acting.value), 1 + f.alternatives.size());
          if (f.conflict && !(clash && f.alternatives.empty())) s += " CONFLICT";
        }
      }
      lines[{f.key.number() <= 5 ? 0U : 1U + newer, n++}] = s + "\n";
    };
    for (const auto& f : v->fields) line(f, false);
    for (const auto& f : v->newer) line(f, true);
    for (const auto& [at, s] : lines) out += s;
  }
  return out;
}

// The order in which a record's own and a newer version's fields are listed is not compared.
std::string sorted_lines(const std::string& facts) {
  std::vector<std::string> blocks;
  std::string line;
  for (const char c : facts) {
    line += c;
    if (c != '\n') continue;
    if (line[0] == ' ' && !blocks.empty()) {
      blocks.back() += line;
    } else {
      blocks.push_back(line);
    }
    line.clear();
  }
  std::string out;
  for (auto& block : blocks) {
    std::vector<std::string> lines;
    std::string l;
    for (const char c : block) {
      l += c;
      if (c == '\n') lines.push_back(std::exchange(l, {}));
    }
    std::sort(lines.begin() + 1, lines.end());
    for (const auto& one : lines) out += one;
  }
  return out;
}
}  // namespace

TEST_CASE("every interleaving of the streams ends at the same state and the same views") {
  for (std::uint64_t seed = 1; seed <= 150; ++seed) {
    CAPTURE(seed);
    const auto world = Generator(seed).make(30);
    auto straight = world.fold({});
    for (const auto& e : world.log) straight.apply(e);
    REQUIRE_FALSE(straight.needs_refold());
    const auto hash = straight.state_hash();
    const auto views = text(*straight.publish());
    Rng rng(seed * 77);
    for (int round = 0; round < 4; ++round) {
      auto other = world.fold({.open_states_max = std::size_t{3} * static_cast<std::size_t>(round)});
      for (const auto& e : shuffled(world.log, rng)) {
        other.apply(e);
        if (rng.chance(0.1)) other.publish();      // publishing in between changes nothing
        if (rng.chance(0.05)) other.state_hash();  // nor does asking for the hash
        if (rng.chance(0.2)) other.apply(e);       // nor repeating
      }
      REQUIRE(other.state_hash() == hash);
      REQUIRE(text(*other.publish()) == views);
    }
  }
}

TEST_CASE("all orders of a few events from as many streams end equal") {
  for (std::uint64_t seed = 1; seed <= 40; ++seed) {
    CAPTURE(seed);
    const auto world = Generator(seed + 5000).make(9);
    // The grants first; then the last five events in all 120 orders, streams' own order given up: any subset folds.
    const std::vector<FoldEvent> base(world.log.begin(), world.log.end() - 5);
    std::vector<FoldEvent> tail(world.log.end() - 5, world.log.end());
    std::optional<model::Hash> hash;
    std::string views;
    std::vector<int> order{0, 1, 2, 3, 4};
    do {
      auto node = world.fold();
      for (const auto i : order) node.apply(tail[static_cast<std::size_t>(i)]);
      for (const auto& e : base) node.apply(e);
      const auto got = node.state_hash();
      if (!hash) {
        hash = got;
        views = text(*node.publish());
      }
      REQUIRE(got == *hash);
      if (order[0] == 4) REQUIRE(text(*node.publish()) == views);
    } while (std::next_permutation(order.begin(), order.end()));
  }
}

TEST_CASE("any prefixes of the streams, folded on two nodes and then completed, end equal") {
  for (std::uint64_t seed = 1; seed <= 80; ++seed) {
    CAPTURE(seed);
    const auto world = Generator(seed + 9000).make(40);
    Rng rng(seed);
    auto a = world.fold(), b = world.fold();
    const auto one = shuffled(world.log, rng), two = shuffled(world.log, rng);
    const auto cut = rng.below(one.size());
    for (std::size_t i = 0; i < cut; ++i) a.apply(one[i]);
    for (std::size_t i = cut; i < two.size() && i < cut + 10; ++i) b.apply(two[i]);
    a.publish();
    b.state_hash();
    for (const auto& e : two) a.apply(e);  // also what it has already
    for (const auto& e : one) b.apply(e);
    REQUIRE(a.state_hash() == b.state_hash());
    REQUIRE(text(*a.publish()) == text(*b.publish()));
  }
}

TEST_CASE("the fold shows what a naive reading of the whole set of events says") {
  Counts seen;
  std::size_t revived = 0, clashes = 0;
  for (std::uint64_t seed = 1; seed <= 1500; ++seed) {
    CAPTURE(seed);
    const auto world = Generator(seed + 20'000).make(5 + seed % 30);
    auto node = world.fold();
    Rng rng(seed);
    for (const auto& e : shuffled(world.log, rng)) {
      node.apply(e);
      if (rng.chance(0.2)) node.publish();
    }
    const auto want = sorted_lines(Naive(world).describe());
    const auto got = sorted_lines(facts_of(*node.publish()));
    REQUIRE(got == want);
    const auto picture = node.publish();
    seen.withheld += picture->counts().withheld;
    seen.unreadable += picture->counts().unreadable;
    seen.placeholders += picture->counts().placeholders;
    seen.deleted += picture->counts().deleted;
    seen.with_conflict += picture->counts().with_conflict;
    seen.with_newer_fields += picture->counts().with_newer_fields;
    picture->entities().for_each([&](const EntityView& view) {
      revived += view.revived ? 1 : 0;
      clashes += view.clashes.size();
    });
  }
  // The random worlds do reach what they are meant to try.
  for (const std::size_t times : {std::size_t{seen.withheld}, std::size_t{seen.unreadable}, seen.placeholders,
                                  seen.deleted, seen.with_conflict, seen.with_newer_fields, revived, clashes}) {
    CHECK(times >= 50);
  }
}
