// What a driver hands in, kept in order for tests to look at.
#pragma once

#include <cstdint>
#include <optional>
#include <vector>

#include "drivers/driver.h"

namespace flopwatt::accelerators {

class FakeIntake final : public Intake {
 public:
  struct Answer {
    SourceId id = 0;
    std::optional<ReadingSet> set;
    std::optional<Fault> fault;
  };

  SourceId add(SourcePtr source) override {
    sources.push_back(std::move(source));
    return static_cast<SourceId>(sources.size() - 1);
  }
  void describe(SourceId id, SourcePtr source) override { sources.at(id) = std::move(source); }
  void accept(SourceId id, ReadingSet set, std::chrono::microseconds, std::chrono::microseconds) override {
    answers.push_back({id, std::move(set), std::nullopt});
  }
  void fail(SourceId id, Fault fault, std::chrono::microseconds, std::chrono::microseconds) override {
    answers.push_back({id, std::nullopt, std::move(fault)});
  }
  void remove(SourceId id) override { removed.push_back(id); }
  void skip(SourceId, std::uint64_t beats) override { skipped += beats; }

  [[nodiscard]] const Answer* newest(SourceId id) const {
    for (auto answer = answers.rbegin(); answer != answers.rend(); ++answer)
      if (answer->id == id) return &*answer;
    return nullptr;
  }

  std::vector<SourcePtr> sources;
  std::vector<Answer> answers;
  std::vector<SourceId> removed;
  std::uint64_t skipped = 0;
};

}  // namespace flopwatt::accelerators
