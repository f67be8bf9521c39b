// One exporter's record: what it has delivered, what was dropped, what is being delivered. At every
// moment stored = delivered + dropped + backlog, in readings. Pure bookkeeping; metering loop only.
#pragma once

#include <cstdint>
#include <memory>
#include <optional>
#include <vector>

#include "agent/store/delivery_marks.h"
#include "agent/store/store.h"
#include "readings/reading_set.h"

namespace flopwatt::daemon {

/// Sets of one commit, shared by all exporters. Ascending seq without a hole.
using StoredBatch = std::shared_ptr<const std::vector<StoredSet>>;

[[nodiscard]] store::Span span_of(const std::vector<StoredSet>& sets);

class DeliveryRecord {
 public:
  DeliveryRecord(store::ExporterRecord record, std::uint64_t backlog_readings);

  /// A commit begins with the record as it is now. Acknowledgements wait for its end, so that a set
  /// which that commit removes is never counted both as dropped and as delivered.
  [[nodiscard]] store::ExporterRecord begin_commit();
  /// The commit succeeded: `stored` readings are new, `removed` is out of the store, `dropped` of it
  /// undelivered.
  void end_commit(std::uint64_t stored, store::Span removed, std::uint64_t dropped);
  /// The commit failed: nothing of it happened.
  void abandon_commit();

  /// These sets were acknowledged. What is already counted (delivered, or dropped) is not counted again.
  void acknowledge(StoredBatch sets);

  /// Nothing is stored under this span: it is not asked for again, and counts as nothing. False: there are too
  /// many runs of delivered sets; try again when there are fewer.
  bool pass(store::Span span) { return record_.marks.add(span); }

  /// A span is being delivered by one lane; the other keeps away from it.
  void claim(store::Span span);
  void release(store::Span span);

  /// The lowest run up to `last` that is neither delivered nor claimed.
  [[nodiscard]] std::optional<store::Span> next_gap(std::uint64_t last) const;

  /// Delivered readings as of the last commit: what is shown must not fall when the agent is killed.
  [[nodiscard]] std::uint64_t delivered() const { return saved_; }
  [[nodiscard]] std::uint64_t dropped() const { return record_.dropped; }
  [[nodiscard]] std::uint64_t backlog() const { return backlog_ + (record_.delivered - saved_); }
  /// Something was acknowledged that no commit has saved yet.
  [[nodiscard]] bool has_unsaved() const { return record_.delivered != saved_ || !waiting_.empty(); }

 private:
  void apply(const std::vector<StoredSet>& sets);
  void apply_waiting();

  store::ExporterRecord record_;
  std::uint64_t backlog_;  // readings that are neither delivered nor dropped
  std::uint64_t saved_;    // of record_.delivered
  std::uint64_t being_saved_ = 0;
  bool committing_ = false;
  std::vector<StoredBatch> waiting_;  // acknowledged during a commit
  std::vector<store::Span> claims_;   // at most one a lane
};

}  // namespace flopwatt::daemon
