// One look at every source: an intake that notes what each of them answers first. Where figures are counted
// between two samples (an accelerator's work), the second answer is waited for, too.
#pragma once

#include <functional>
#include <optional>
#include <string>
#include <vector>

#include "agent/commands/read/report.h"
#include "agent/daemon/work_columns.h"
#include "drivers/driver.h"

namespace flopwatt::commands {

class Survey final : public Intake {
 public:
  SourceId add(SourcePtr source) override;
  void describe(SourceId id, SourcePtr source) override;
  void accept(SourceId id, ReadingSet set, std::chrono::microseconds lateness,
              std::chrono::microseconds duration) override;
  void fail(SourceId id, Fault fault, std::chrono::microseconds lateness,
            std::chrono::microseconds duration) override;
  void remove(SourceId id) override;
  void skip(SourceId, std::uint64_t) override {}

  /// Every source that was added has answered, often enough, or failed.
  [[nodiscard]] bool complete() const;

  /// Of the sources that have answered.
  [[nodiscard]] std::vector<ReadingSet> sets() const;

  /// Why a source lacks a figure, as far as its driver knows ("").
  using WhyAbsent = std::function<std::string(SourceId, Channel)>;
  /// What was found, in the order in which sources were added; `late` is why those are down that have not
  /// answered.
  [[nodiscard]] std::vector<SourceReport> reports(const WhyAbsent& why_absent, const std::string& late) const;

 private:
  struct Entry {
    SourcePtr source;
    std::optional<ReadingSet> newest;
    std::optional<Fault> fault;
    unsigned answers = 0;
    bool removed = false;

    [[nodiscard]] bool settled() const;
  };

  std::vector<Entry> entries_;
  daemon::WorkColumns work_columns_{
      std::vector<ScopeConfig>{}};  // names the best work that an accelerator offers, as in the agent
};

}  // namespace flopwatt::commands
