// One page as a gzip file in memory.
#pragma once

#include <string>
#include <string_view>

namespace flopwatt::prometheus {

/// At level 1: a page of metrics shrinks to about a tenth, and each further level costs more CPU than the
/// bytes that it saves are worth on a local network. Throws std::bad_alloc.
[[nodiscard]] std::string gzip(std::string_view text);

}  // namespace flopwatt::prometheus
