// The running totals that senders have sent so far, one for each set of tags. Pure.
//
// The first value seen is the start and counts nothing, after a fall the new value counts whole: the sender
// began again at 0. A value that is refused is only remembered as doubtful: if the sender goes on from there,
// that is where it is (and what lies before stays uncounted); if it comes back to where it was, nothing has
// happened.
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
  /// Work since the value before, FLOP, if the sender's total is `value` now.
  [[nodiscard]] double growth_to(double value) const;
  void believe(double value);
  void doubt(double value) { doubted_ = value; }

 private:
  std::optional<double> believed_, doubted_;
};

class RunningTotals {
 public:
  explicit RunningTotals(std::size_t most) : most_(most) {}

  /// How long a sender must have been silent to be forgotten for another: as long as a budget holds.
  static constexpr std::int64_t idle_us = 600'000'000;

  /// The running total of that key, made where there is none; the sender lives. nullptr: there are as many as
  /// are remembered, and none of them is idle. Valid until the next call.
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
