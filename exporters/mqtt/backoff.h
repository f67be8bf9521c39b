// When to connect again. Pure: time and chance are handed in.
#pragma once

#include <algorithm>
#include <chrono>

namespace flopwatt::mqtt {

class Backoff {
 public:
  using Seconds = std::chrono::duration<double>;

  static constexpr Seconds shortest{1}, longest{30};
  /// A connection that held for less counts as one more failure: something throws us out again and again.
  static constexpr Seconds settled{10};
  /// So many such losses in a row are no accident.
  static constexpr unsigned suspicious_losses = 3;

  /// The pause after one more failure; `chance` is in [0, 1) and spreads agents that lost the same broker.
  /// It doubles from 1-2 s up to 15-30 s.
  Seconds after_failure(double chance) {
    const Seconds upper = std::min(longest, shortest * static_cast<double>(2U << std::min(failures_, 5U)));
    ++failures_;
    return std::max(shortest, upper * (0.5 + chance / 2));
  }

  /// The pause after a refusal of our credentials: trying faster changes nothing and looks like an attack.
  Seconds after_refusal() {
    ++failures_;
    return longest;
  }

  /// A connection ended that had held for `held`.
  void connection_ended(Seconds held) {
    if (held >= settled) {
      failures_ = 0;
      quick_losses_ = 0;
    } else {
      ++quick_losses_;
    }
  }

  /// Connections are made and lost again at once: as with another client of the same client id.
  [[nodiscard]] bool suspicious() const { return quick_losses_ >= suspicious_losses; }

 private:
  unsigned failures_ = 0;
  unsigned quick_losses_ = 0;
};

}  // namespace flopwatt::mqtt
