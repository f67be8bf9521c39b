#include "agent/daemon/line_times.h"

#include <algorithm>
#include <chrono>

namespace flopwatt::daemon {
namespace {

constexpr std::int64_t told_second_us = 1'000'000;
constexpr std::int64_t least_patience_us = 5 * told_second_us;
constexpr std::int64_t longest_told_us = std::chrono::microseconds(longest_told).count();
/// Lines that come faster are put together.
constexpr std::int64_t shortest_stretch_us = told_second_us;
/// Beyond so many stretches no sender is waited for.
constexpr std::size_t most_stretches = 20'000;

}  // namespace

void LineTimes::count(double flop, std::optional<std::int64_t> since_us, std::int64_t now_us) {
  if (told_.reached_us == 0) told_.reached_us = now_us;
  auto sender = senders_.end();
  if (since_us) sender = std::ranges::find(senders_, *since_us, &Sender::last_us);
  if (sender == senders_.end()) sender = senders_.insert(sender, Sender{});
  if (!since_us) {
    *sender = {now_us, longest_told_us, {}};
    return;
  }
  std::int64_t begin_us = *since_us;
  if (now_us - begin_us > longest_told_us) {
    begin_us = now_us - longest_told_us;
    flop *= static_cast<double>(longest_told_us) / static_cast<double>(now_us - *since_us);
  }
  sender->last_us = now_us;
  sender->patience_us = std::clamp(3 * (now_us - begin_us), least_patience_us, longest_told_us);
  begin_us = std::max(begin_us, told_.reached_us);
  if (begin_us < now_us)
    add(*sender, {begin_us, now_us, flop});
  else
    sum_.add(flop);
}

void LineTimes::add(Sender& sender, const Stretch& stretch) {
  if (!sender.stretches.empty()) {
    Stretch& last = sender.stretches.back();
    if (last.end_us == stretch.begin_us && stretch.end_us - last.begin_us <= shortest_stretch_us) {
      last.end_us = stretch.end_us;
      last.flop += stretch.flop;
      return;
    }
  }
  sender.stretches.push_back(stretch);
  ++stretch_count_;
}

/// The moment that all senders which are waited for have told.
std::int64_t LineTimes::limit_us(std::int64_t now_us) const {
  if (stretch_count_ > most_stretches) return now_us;
  std::int64_t limit_us = now_us;
  for (const Sender& sender : senders_)
    if (now_us - sender.last_us <= sender.patience_us) limit_us = std::min(limit_us, sender.last_us);
  return limit_us;
}

const LineTimes::Told& LineTimes::advance(std::int64_t now_us) {
  if (told_.reached_us == 0) return told_;
  const std::int64_t from_us = told_.reached_us;
  std::int64_t until_us = limit_us(now_us);
  if (until_us > from_us) {
    // The known time that begins or goes on here ends where no stretch is joined to it.
    std::int64_t known_until_us = from_us, next_us = until_us;
    bool has_grown = true;
    while (has_grown) {
      has_grown = false;
      for (const Sender& sender : senders_)
        for (const Stretch& stretch : sender.stretches) {
          if (stretch.begin_us <= known_until_us && stretch.end_us > known_until_us) {
            known_until_us = stretch.end_us;
            has_grown = true;
          }
          if (stretch.begin_us > from_us) next_us = std::min(next_us, stretch.begin_us);
        }
    }
    told_.is_known = known_until_us > from_us;
    move_to(told_.is_known ? std::min(until_us, known_until_us) : next_us);
  }
  std::erase_if(senders_, [&](const Sender& sender) {
    return sender.stretches.empty() && now_us - sender.last_us > longest_told_us;
  });
  return told_;
}

void LineTimes::move_to(std::int64_t reached_us) {
  for (Sender& sender : senders_) {
    while (!sender.stretches.empty() && sender.stretches.front().begin_us < reached_us) {
      Stretch& first = sender.stretches.front();
      if (first.end_us <= reached_us) {
        sum_.add(first.flop);
        sender.stretches.pop_front();
        --stretch_count_;
        continue;
      }
      const double part = first.flop * static_cast<double>(reached_us - first.begin_us) /
                          static_cast<double>(first.end_us - first.begin_us);
      sum_.add(part);
      first.flop -= part;
      first.begin_us = reached_us;
    }
  }
  told_.reached_us = reached_us;
  told_.flop = sum_.value();
}

}  // namespace flopwatt::daemon
