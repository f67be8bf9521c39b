// A run of sequence numbers, both ends included.
#pragma once

#include <cstdint>

namespace flopwatt::store {

struct Span {
  std::uint64_t first = 1;
  std::uint64_t last = 0;

  [[nodiscard]] bool empty() const { return last < first; }
  bool operator==(const Span&) const = default;
};

}  // namespace flopwatt::store
