// What is kept of each sender, by its set of tags: a bounded number of them. Pure.
//
// Whoever can send a line can invent senders. So a full table makes room for a new one, first of
//   1. a sender that has been silent for as long as a budget is;
//   2. one that has proven nothing, of the target that has most of those and more than its share;
//   3. where the new one is within its target's share: any, of the target that has most senders;
//   4. one of the same target that has proven nothing.
// Of each group the one goes that has been silent longest.
#pragma once

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <iterator>
#include <list>
#include <map>
#include <string>
#include <string_view>
#include <unordered_map>
#include <utility>

#include "drivers/work_intake.h"

namespace flopwatt::work {

/// `State` is made by its default constructor at the first line of a sender.
template <class State>
class Senders {
 public:
  /// `most` of all targets. Each target has room for a 64th of them, whatever is sent for others.
  explicit Senders(std::size_t most) : most_(most), share_(std::max<std::size_t>(most / 64, 1)) {}

  /// A sender that has been silent for so long, the length of a budget, may be forgotten for another.
  static constexpr std::int64_t idle_us = 600'000'000;

  /// The state of that key, made if new; marks the sender as alive. Valid until the next call. nullptr: no
  /// other makes room for this one. `now_us`: monotonic.
  [[nodiscard]] State* find(const std::string& key, const WorkTarget& target, std::int64_t now_us) {
    if (const auto found = by_key_.find(key); found != by_key_.end()) {
      List& list = list_of(*found->second);
      list.splice(list.end(), list, found->second);
      found->second->seen_us = now_us;
      return &found->second->state;
    }
    const TargetKey target_key{target.is_scope, target.id};
    if (by_key_.size() >= most_ && !make_room(target_key, now_us)) return nullptr;
    List& list = targets_[target_key].unproven;
    list.push_back({key, {}, now_us, target_key, false});
    by_key_.emplace(list.back().key, std::prev(list.end()));
    return &list.back().state;
  }

  /// The sender of that key, which is there, has counted work since an earlier line of its own.
  void prove(const std::string& key) {
    const auto entry = by_key_.find(key)->second;
    if (std::exchange(entry->proven, true)) return;
    Target& target = targets_.at(entry->target);
    target.proven.splice(target.proven.end(), target.unproven, entry);
  }

 private:
  using TargetKey = std::pair<bool, std::uint32_t>;  // WorkTarget::is_scope and id
  struct Entry {
    std::string key;
    State state;
    std::int64_t seen_us = 0;
    TargetKey target;
    bool proven = false;
  };
  using List = std::list<Entry>;  // the longest silent first
  struct Target {
    List unproven, proven;
    [[nodiscard]] std::size_t size() const { return unproven.size() + proven.size(); }
  };

  [[nodiscard]] List& list_of(const Entry& entry) {
    Target& target = targets_.at(entry.target);
    return entry.proven ? target.proven : target.unproven;
  }

  [[nodiscard]] bool make_room(const TargetKey& wanted, std::int64_t now_us) {
    List* const list = list_to_cut(wanted, now_us);
    if (list == nullptr) return false;
    by_key_.erase(list->front().key);
    list->pop_front();
    std::erase_if(targets_, [](const auto& item) { return item.second.size() == 0; });
    return true;
  }

  /// The list whose first one goes; nullptr: none does.
  [[nodiscard]] List* list_to_cut(const TargetKey& wanted, std::int64_t now_us) {
    Target *crowd = nullptr, *largest = nullptr;
    std::size_t most_unproven = 0, most = 0;
    for (auto& [key, target] : targets_) {
      for (List* const list : {&target.unproven, &target.proven})
        if (!list->empty() && now_us - list->front().seen_us >= idle_us) return list;
      if (target.size() > share_ && target.unproven.size() > most_unproven) {
        crowd = &target;
        most_unproven = target.unproven.size();
      }
      if (target.size() > most) {
        largest = &target;
        most = target.size();
      }
    }
    if (crowd != nullptr) return &crowd->unproven;
    const auto own = targets_.find(wanted);
    const std::size_t own_size = own == targets_.end() ? 0 : own->second.size();
    if (largest != nullptr && own_size < share_ && most > own_size + 1)
      return largest->unproven.empty() ? &largest->proven : &largest->unproven;
    return own_size > 0 && !own->second.unproven.empty() ? &own->second.unproven : nullptr;
  }

  std::size_t most_, share_;
  std::map<TargetKey, Target> targets_;
  /// Keys are views of the entries' keys.
  std::unordered_map<std::string_view, typename List::iterator> by_key_;
};

}  // namespace flopwatt::work
