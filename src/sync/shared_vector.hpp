#pragma once
// A vector of which the core keeps many copies: what it holds, what it told each peer, what each told. Copies share
// their content until one of them changes, and a digest is reckoned once for each content.
//
// One thread for all copies of one another. References and iterators into it end with its next change.
#include <memory>

#include "sync/vector.hpp"

namespace airbridge::sync {

class SharedVector {
 public:
  SharedVector() = default;
  SharedVector(HeldVector held);  // NOLINT: it is one

  const HeldVector& operator*() const { return content_ ? content_->held : nothing(); }
  const HeldVector* operator->() const { return &**this; }
  operator const HeldVector&() const { return **this; }  // NOLINT: for who only reads

  void set(const model::StreamId& stream, const Held& held);
  void erase(const model::StreamId& stream);
  void clear() { content_.reset(); }

  Digest digest() const;          // digest_of()
  Digest numbers_digest() const;  // numbers_digest_of()

  friend bool operator==(const SharedVector& a, const SharedVector& b) { return a.content_ == b.content_ || *a == *b; }

 private:
  struct Content {
    HeldVector held;
    std::optional<Digest> digest, numbers;
  };
  static const HeldVector& nothing();
  HeldVector& change();  // of this copy alone from here on

  std::shared_ptr<Content> content_;  // none: empty
};

}  // namespace airbridge::sync
