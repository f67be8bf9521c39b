#include "agent/export/job.h"

namespace flopwatt::agent {

Result<std::uint64_t> walk(const Job& job, const std::function<bool(const store::Row&)>& wanted,
                           const std::function<bool(const std::vector<store::Reader::Item>&)>& see) {
  std::uint64_t damaged = 0;
  const auto selected = [&](const store::Row& row) { return job.selects(row) && wanted(row); };
  for (store::Span rest = job.span; !rest.empty();) {
    const auto chunk = job.reader.next(rest, selected);
    if (!chunk) return chunk.error();
    damaged += chunk->damaged;
    if (!see(chunk->items)) break;
  }
  return damaged;
}

}  // namespace flopwatt::agent
