#pragma once
// What a gateway's message says that is new. A device repeats its whole object whenever anything of it changes, so most
// of a message is old, and a person may have decided otherwise since: a phone that sends its report again with another
// remark does not mean to take a casualty's triage back.
//
// A field is news when it differs from what was last said of it by that way (Via), from what that gateway's clients
// were last told, and from what is shown. A write that is news names only the dots of earlier messages: where a person
// changed the field meanwhile both values stand, as a conflict, and a person settles it.
#include <cstdint>
#include <functional>
#include <list>
#include <map>
#include <span>
#include <unordered_map>
#include <vector>

#include "model/schema.hpp"
#include "picture/view.hpp"

namespace airbridge::ledger {

// One event about a record as the log holds it, private writes among the others where this node can read them.
struct PastEvent {
  model::Dot dot;
  model::Via via = model::Via::Node;
  std::vector<model::Write> writes;
};
// The latest events about a record, newest first. Asked only when the picture does not answer.
using Past = std::function<std::vector<PastEvent>(const model::EntityId&)>;

struct NewsOf {
  model::Draft draft;  // what is news, with the dots it replaces; no writes: nothing is
  bool overruled =
      false;  // an old value was kept out and clients show something else than they should: tell them again
};

class News {
 public:
  static constexpr std::size_t records_max = 10'000;  // remembered; the one heard longest ago goes, the log knows more

  explicit News(Past past) : past_(std::move(past)) {}
  // `shown`: the record, null when there is none. `told`: what clients were last told, as the writes of such a message.
  NewsOf of(model::Draft draft, const picture::EntityView* shown, std::span<const model::Write> told);
  // What of() answered last could not be written: it will be news again.
  void forget(const model::EntityId& id);

 private:
  using Said = std::map<model::FieldKey, std::uint64_t>;  // hash of the value last said
  struct Record {
    model::EntityId id;
    Said said;
  };
  using Records = std::list<Record>;
  Said& remembered(const model::EntityId& id);

  Past past_;
  Records records_;  // the one heard longest ago first
  std::unordered_map<model::EntityId, Records::iterator> by_id_;
};

}  // namespace airbridge::ledger
