// Result<T, E>: a value or the reason why there is none. (std::expected needs C++23.)
#pragma once

#include <utility>
#include <variant>

#include "readings/fault.h"

namespace flopwatt {

/// Use `if (!result) return result.error();`. value() of a failure and error() of a value throw
/// std::bad_variant_access: that is a bug.
template <class T, class E = Fault>
class [[nodiscard]] Result {
 public:
  Result(T value) : state_(std::in_place_index<0>, std::move(value)) {}  // NOLINT: implicit on purpose
  Result(E error) : state_(std::in_place_index<1>, std::move(error)) {}  // NOLINT: implicit on purpose

  [[nodiscard]] bool has_value() const { return state_.index() == 0; }
  explicit operator bool() const { return has_value(); }

  [[nodiscard]] T& value() & { return std::get<0>(state_); }
  [[nodiscard]] const T& value() const& { return std::get<0>(state_); }
  [[nodiscard]] T&& value() && { return std::get<0>(std::move(state_)); }
  [[nodiscard]] const E& error() const { return std::get<1>(state_); }

  T& operator*() & { return value(); }
  const T& operator*() const& { return value(); }
  T* operator->() { return &value(); }
  const T* operator->() const { return &value(); }

 private:
  std::variant<T, E> state_;
};

/// Success without a value.
struct Done {};

}  // namespace flopwatt
