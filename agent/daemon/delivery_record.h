// One exporter's record: what it has delivered, what was dropped, what is left out, set aside and being
// delivered. At every moment stored = delivered + dropped + left_out + set_aside + backlog, in readings. Pure
// bookkeeping; metering loop only.
#pragma once

#include <cstdint>
#include <map>
#include <memory>
#include <optional>
#include <vector>

#include "agent/store/delivery_marks.h"
#include "agent/store/held_sets.h"
#include "agent/store/store.h"
#include "exporters/push_exporter.h"
#include "readings/reading_set.h"

namespace flopwatt::daemon {

/// Sets of one commit, shared by all exporters. Ascending seq without a hole.
using StoredBatch = std::shared_ptr<const std::vector<StoredSet>>;

[[nodiscard]] store::Span span_of(const std::vector<StoredSet>& sets);

/// Runs of sets that were held and are tried again, by source; all begin where a run of the record begins.
using HeldPart = std::map<store::HeldSource, std::vector<store::Span>>;

struct SourceFates;

class DeliveryRecord {
 public:
  /// `backlog_readings`: neither delivered nor dropped, left out or set aside.
  DeliveryRecord(store::ExporterRecord record, std::uint64_t backlog_readings);

  /// A commit begins with the record as it is now. What is settled waits for its end, so that a set which
  /// that commit removes is never counted both as dropped and as delivered.
  [[nodiscard]] store::ExporterRecord begin_commit();
  /// The commit succeeded: `stored` readings are new, `removed` is out of the store, `dropped` readings of it
  /// undelivered; `held` is what is still held, where something was removed.
  void end_commit(std::uint64_t stored, store::Span removed, std::uint64_t dropped,
                  const store::HeldSets* held = nullptr);
  /// The commit failed: nothing of it happened.
  void abandon_commit();

  /// What became of sets that lie in no gap of what is done with but this one: a batch, or a chunk of
  /// next_gap(). Sets without an answer are held; where no set has any, nothing changes.
  void settle(StoredBatch sets, std::vector<Fate> fates);

  /// What became of sets that were held: all that are stored of the sources and runs of `part`.
  void settle_held(HeldPart part, StoredBatch sets, std::vector<Fate> fates);

  /// Nothing is stored under this span: it is not asked for again, and counts as nothing. False: there are
  /// too many runs of delivered sets; try again when there are fewer.
  bool pass(store::Span span) { return record_.marks.add(span); }

  /// A span is being delivered by one lane; the other keeps away from it.
  void claim(store::Span span);
  void release(store::Span span);

  /// The lowest run up to `last` that is neither done with nor claimed.
  [[nodiscard]] std::optional<store::Span> next_gap(std::uint64_t last) const;

  [[nodiscard]] const store::HeldSets& held() const { return record_.held; }
  /// Something was settled during a commit and waits for its end: held() is not yet what it will be.
  [[nodiscard]] bool is_settling() const { return !waiting_.empty(); }

  /// Delivered readings as of the last commit: what is shown must not fall when the agent is killed.
  [[nodiscard]] std::uint64_t delivered() const { return saved_delivered_; }
  [[nodiscard]] std::uint64_t dropped() const { return record_.dropped; }
  /// As of the last commit, too.
  [[nodiscard]] std::uint64_t left_out() const { return saved_left_out_; }
  [[nodiscard]] std::uint64_t set_aside() const { return record_.held.readings(store::Hold::set_aside); }
  /// The rest of what is stored.
  [[nodiscard]] std::uint64_t backlog() const;
  /// What is not delivered as of now, set aside or not, although no commit has saved that yet.
  [[nodiscard]] std::uint64_t undelivered() const;
  /// The lowest seq of that; nullopt: there is nothing up to `last`.
  [[nodiscard]] std::optional<std::uint64_t> first_undelivered(std::uint64_t last) const;
  /// Something was settled that no commit has saved yet.
  [[nodiscard]] bool has_unsaved() const { return unsaved_ || !waiting_.empty(); }

 private:
  struct Settlement {
    StoredBatch sets;
    std::vector<Fate> fates;
    std::optional<HeldPart> part;  // of sets that were held
  };

  void take(Settlement settlement);
  void apply(const Settlement& settlement);
  void apply_to_gap(const std::vector<StoredSet>& sets, const std::vector<Fate>& fates);
  void apply_to_held(const HeldPart& part, const std::vector<StoredSet>& sets,
                     const std::vector<Fate>& fates);
  void settle_part(const store::HeldSource& source, store::Span held, const SourceFates& fates);
  void apply_waiting();

  store::ExporterRecord record_;
  std::uint64_t stored_;  // readings since the exporter was first configured
  std::uint64_t saved_delivered_, saved_left_out_;
  std::uint64_t being_saved_delivered_ = 0, being_saved_left_out_ = 0;
  bool committing_ = false, unsaved_ = false, unsaved_before_commit_ = false;
  std::vector<Settlement> waiting_;  // settled during a commit
  std::vector<store::Span> claims_;  // of batches that wait, and one a lane
};

}  // namespace flopwatt::daemon
