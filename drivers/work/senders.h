// What is kept of each sender, by its set of tags: a bounded number of them. Pure.
#pragma once

#include <cstddef>
#include <cstdint>
#include <iterator>
#include <list>
#include <string>
#include <string_view>
#include <unordered_map>

namespace flopwatt::work {

/// `State` is made by its default constructor at the first line of a sender.
template <class State>
class Senders {
 public:
  explicit Senders(std::size_t most) : most_(most) {}

  /// A sender that has been silent for so long, the length of a budget, may be forgotten for another.
  static constexpr std::int64_t idle_us = 600'000'000;

  /// The state of that key, made if new; marks the sender as alive. Valid until the next call. nullptr: the
  /// limit is reached, and no sender is idle. `now_us`: monotonic.
  [[nodiscard]] State* find(const std::string& key, std::int64_t now_us) {
    if (const auto found = by_key_.find(key); found != by_key_.end()) {
      by_age_.splice(by_age_.end(), by_age_, found->second);
      found->second->seen_us = now_us;
      return &found->second->state;
    }
    if (by_age_.size() >= most_) {
      if (by_age_.empty() || now_us - by_age_.front().seen_us < idle_us) return nullptr;
      by_key_.erase(by_age_.front().key);
      by_age_.pop_front();
    }
    by_age_.push_back({key, {}, now_us});
    by_key_.emplace(by_age_.back().key, std::prev(by_age_.end()));
    return &by_age_.back().state;
  }

 private:
  struct Entry {
    std::string key;
    State state;
    std::int64_t seen_us = 0;
  };

  std::size_t most_;
  std::list<Entry> by_age_;  // the longest silent first
  /// Keys are views of the entries' keys.
  std::unordered_map<std::string_view, typename std::list<Entry>::iterator> by_key_;
};

}  // namespace flopwatt::work
