// When to connect to a broker again. Pure: time and chance are handed in.
#pragma once

#include <chrono>

#include "runtime/backoff.h"

namespace flopwatt::mqtt {

class Reconnect {
 public:
  using Duration = SteadyTime::duration;

  static constexpr std::chrono::seconds longest{30};
  /// A connection that held for less counts as one more failure: something throws us out again and again.
  static constexpr std::chrono::seconds settled{10};
  /// So many such losses in a row are no accident.
  static constexpr unsigned suspicious_losses = 3;

  /// When to try again after one more failure at `now`; `chance` is in [0, 1) and spreads agents that lost
  /// the same broker. The wait doubles from 1-2 s up to 15-30 s.
  SteadyTime after_failure(SteadyTime now, double chance) { return backoff_.fail(now, chance); }

  /// After a refusal of our credentials: trying faster changes nothing and looks like an attack.
  SteadyTime after_refusal(SteadyTime now) {
    backoff_.fail(now);
    return now + longest;
  }

  /// A connection ended that had held for `held`.
  void connection_ended(Duration held) {
    if (held >= settled) {
      backoff_.succeed();
      quick_losses_ = 0;
    } else {
      ++quick_losses_;
    }
  }

  /// What ended the connection is known, and will not be repeated.
  void cause_found() {
    backoff_.succeed();
    quick_losses_ = 0;
  }

  /// Connections are made and lost again at once: as with another client of the same client id.
  [[nodiscard]] bool suspicious() const { return quick_losses_ >= suspicious_losses; }

 private:
  static constexpr Backoff::Policy policy{std::chrono::seconds(2), longest, 0.5};
  Backoff backoff_{policy};
  unsigned quick_losses_ = 0;
};

}  // namespace flopwatt::mqtt
