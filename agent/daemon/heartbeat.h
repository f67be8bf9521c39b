// Whether the metering loop does its work: it beats at least once a second.
#pragma once

#include <chrono>
#include <cstdint>

namespace flopwatt::daemon {

class Heartbeat {
 public:
  using Clock = std::chrono::steady_clock;

  /// A loop without a beat for longer does not run.
  static constexpr std::chrono::seconds longest_gap{3};

  void beat(Clock::time_point now) {
    ++count_;
    last_ = now;
  }

  /// Beats so far.
  [[nodiscard]] std::uint64_t count() const { return count_; }
  /// False before the first beat.
  [[nodiscard]] bool running(Clock::time_point now) const { return count_ > 0 && now - last_ <= longest_gap; }

 private:
  std::uint64_t count_ = 0;
  Clock::time_point last_{};
};

}  // namespace flopwatt::daemon
