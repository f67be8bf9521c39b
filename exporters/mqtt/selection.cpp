#include "exporters/mqtt/selection.h"

#include <algorithm>

namespace flopwatt::mqtt {

bool Selection::wants(const StoredSet& stored) {
  const Source& source = *stored.set.source;
  if (!kinds_.contains(source.kind)) return false;
  if (every_us_ <= 0 || source.kind == SourceKind::window) return true;
  const std::int64_t span = stored.set.time.wall_us / every_us_;
  Chosen& chosen = chosen_[{source.kind, source.name}];
  const auto known = std::ranges::find_if(
      chosen.spans, [&](const auto& each) { return each.second != 0 && each.first == span; });
  if (known != chosen.spans.end()) return known->second == stored.seq;
  chosen.spans.at(chosen.next) = {span, stored.seq};
  chosen.next = (chosen.next + 1) % remembered_spans;
  return true;
}

}  // namespace flopwatt::mqtt
