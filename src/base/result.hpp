#pragma once
// How a function that can fail says so (STYLE 5): Result<T, E> holds a value or a fault of the module.
// One alias, ready to become std::expected.
#include <tl/expected.hpp>
#include <utility>

namespace airbridge {

template <class T, class E>
using Result = tl::expected<T, E>;

template <class E>
constexpr auto failure(E&& error) {
  return tl::unexpected<std::decay_t<E>>(std::forward<E>(error));
}

}  // namespace airbridge
