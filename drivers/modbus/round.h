// One poll of a meter while it is in progress. Pure: the caller brings the time.
#pragma once

#include <chrono>
#include <cstdint>
#include <optional>
#include <utility>

#include "drivers/modbus/wire/connection.h"
#include "readings/fault.h"
#include "readings/reading_set.h"
#include "runtime/schedule.h"

namespace flopwatt::modbus {

class Round {
 public:
  /// Which answer dates the reading set.
  struct SetTime {
    /// AdaptiveReads::Read::time_rank of the request that was answered.
    unsigned rank = 0;
    Moment middle{};
    std::int64_t half_duration_us = 0;
  };

  /// A poll that was due at `due` begins at `now`; nothing is repeated when `interval` has passed.
  Round(SteadyTime now, SteadyTime due, std::chrono::microseconds interval)
      : due_(due),
        end_(now + interval),
        lateness_(std::chrono::duration_cast<std::chrono::microseconds>(now - due)) {}

  /// An answer came. Of all answers the one with the lowest rank dates the set.
  void answered(const Answer& answer, unsigned time_rank);
  /// A request failed. The first fault is kept.
  void failed(const Fault& fault) {
    if (!fault_) fault_ = fault;
  }
  /// Until `resume_at` nothing is to be sent.
  void pause(SteadyTime resume_at) { due_ = resume_at; }
  /// The meter kept its line for that long.
  void add_duration(std::chrono::microseconds duration) { duration_ += duration; }
  /// True for the first call: a round looks once whether its connection is new.
  [[nodiscard]] bool begin_session_check() { return !std::exchange(session_checked_, true); }

  /// When the round goes on; before its first pause, when it should have begun.
  [[nodiscard]] SteadyTime due() const { return due_; }
  [[nodiscard]] SteadyTime end() const { return end_; }
  [[nodiscard]] std::chrono::microseconds lateness() const { return lateness_; }
  [[nodiscard]] std::chrono::microseconds duration() const { return duration_; }
  [[nodiscard]] const std::optional<Fault>& fault() const { return fault_; }
  /// nullopt: nothing was answered yet.
  [[nodiscard]] const std::optional<SetTime>& set_time() const { return set_time_; }

 private:
  SteadyTime due_, end_;
  std::chrono::microseconds lateness_, duration_{0};
  std::optional<SetTime> set_time_;
  std::optional<Fault> fault_;
  bool session_checked_ = false;
};

}  // namespace flopwatt::modbus
