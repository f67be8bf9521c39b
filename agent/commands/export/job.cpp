#include "agent/commands/export/job.h"

namespace flopwatt::commands {

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

Result<Losses> export_each(const Job& job, const std::function<void(const store::Reader::Item&)>& append) {
  const auto write = [&](const std::vector<store::Reader::Item>& items) {
    for (const store::Reader::Item& item : items) {
      append(item);
      if (!job.out.flush_if_large()) return false;
    }
    return true;
  };
  const auto damaged = walk(
      job, [](const store::Row&) { return true; }, write);
  if (!damaged) return damaged.error();
  job.out.flush();
  return Losses{.damaged_sets = *damaged};
}

}  // namespace flopwatt::commands
