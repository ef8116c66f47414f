#include "sync/shared_vector.hpp"

namespace airbridge::sync {

SharedVector::SharedVector(HeldVector held) {
  if (!held.empty()) content_ = std::make_shared<Content>(Content{std::move(held), {}, {}});
}

const HeldVector& SharedVector::nothing() {
  static const HeldVector empty;
  return empty;
}

HeldVector& SharedVector::change() {
  if (!content_) {
    content_ = std::make_shared<Content>();
  } else if (content_.use_count() > 1) {
    content_ = std::make_shared<Content>(Content{content_->held, {}, {}});
  } else {
    content_->digest.reset();
    content_->numbers.reset();
  }
  return content_->held;
}

void SharedVector::set(const model::StreamId& stream, const Held& held) {
  if (const auto found = (*this)->find(stream); found != (*this)->end() && found->second == held) return;
  change()[stream] = held;
}

void SharedVector::erase(const model::StreamId& stream) {
  if ((*this)->contains(stream)) change().erase(stream);
}

Digest SharedVector::digest() const {
  if (!content_) return digest_of(nothing());
  if (!content_->digest) content_->digest = digest_of(content_->held);
  return *content_->digest;
}

Digest SharedVector::numbers_digest() const {
  if (!content_) return numbers_digest_of(nothing());
  if (!content_->numbers) content_->numbers = numbers_digest_of(content_->held);
  return *content_->numbers;
}

}  // namespace airbridge::sync
