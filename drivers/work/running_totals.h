// Running totals of senders, one for each set of tags. Pure.
//
// The first value is the start and counts nothing. After a fall the new value counts whole: the sender has
// started again at 0. A refused value is kept as doubtful. If the sender goes on from the doubtful value,
// counting goes on there, and the work before stays uncounted. If the sender returns to its earlier total,
// the refused value had no effect. Example: 10, 900 (refused), 12 counts 2; 10, 900 (refused), 903 counts 3.
#pragma once

#include <cstddef>
#include <cstdint>
#include <list>
#include <optional>
#include <string>
#include <string_view>
#include <unordered_map>

namespace flopwatt::work {

class RunningTotal {
 public:
  /// Work in FLOP since the value before, if the sender's total is now `value`.
  [[nodiscard]] double growth_to(double value) const;
  void believe(double value);
  void doubt(double value) { doubted_ = value; }

 private:
  std::optional<double> believed_, doubted_;
};

class RunningTotals {
 public:
  explicit RunningTotals(std::size_t most) : most_(most) {}

  /// A sender that has been silent for so long, the length of a budget, may be forgotten for another.
  static constexpr std::int64_t idle_us = 600'000'000;

  /// The running total of that key, made if new; marks the sender as alive. Valid until the next call.
  /// nullptr: the limit is reached, and no sender is idle.
  [[nodiscard]] RunningTotal* find(const std::string& key, std::int64_t now_us);

  [[nodiscard]] std::size_t size() const { return by_age_.size(); }

 private:
  struct Entry {
    std::string key;
    RunningTotal total;
    std::int64_t seen_us = 0;
  };

  std::size_t most_;
  std::list<Entry> by_age_;                                                  // the longest silent first
  std::unordered_map<std::string_view, std::list<Entry>::iterator> by_key_;  // views of the entries' keys
};

}  // namespace flopwatt::work
