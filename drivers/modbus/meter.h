// One meter: its source, its planned reads, its beats, and how long it is left alone when it does not answer.
#pragma once

#include <boost/asio/awaitable.hpp>
#include <chrono>
#include <cstdint>
#include <string>
#include <vector>

#include "config/config.h"
#include "drivers/modbus/backoff.h"
#include "drivers/modbus/connection.h"
#include "drivers/modbus/read_plan.h"
#include "readings/reading_set.h"
#include "readings/result.h"
#include "runtime/driver.h"
#include "runtime/schedule.h"

namespace flopwatt::modbus {

/// What the agent is told of the meter. One field for each register of the profile, in its order.
[[nodiscard]] SourcePtr make_source(const MeterConfig& config, std::chrono::microseconds planned_cycle);

/// When a meter is polled.
///
/// A poll that began late does not shift the next one. One beat that came due meanwhile is made up for at
/// once, so that a neighbour's timeout costs lateness, not a reading; more than that are passed over and
/// counted as skipped. A meter that fails is left alone for a growing time: those beats are neither polled
/// nor skipped.
class Beats {
 public:
  /// The first poll is due within a second of `from`, however long the interval.
  Beats(std::chrono::microseconds interval, std::chrono::microseconds offset, SteadyTime from);

  [[nodiscard]] SteadyTime due() const { return due_; }

  /// The poll was good and ended at `now`; returns how many beats were skipped.
  std::uint64_t advance(SteadyTime now);

  /// The next poll is due at the first beat at or after `when` (and never at the one just polled).
  void defer(SteadyTime when);

 private:
  std::chrono::microseconds interval_;
  Schedule schedule_;
  SteadyTime due_;
};

class Meter {
 public:
  Meter(const MeterConfig& config, SourcePtr source, SourceId id, Beats beats);

  /// Whether it would be the same meter, read in the same way, if it were made of this configuration. Where
  /// it stands in the file and how long a cycle of its bus takes may differ.
  [[nodiscard]] bool is(const MeterConfig& config) const;

  /// The bus's planned cycle has changed; returns the new description, nullptr where it is the same.
  [[nodiscard]] SourcePtr update(std::chrono::microseconds planned_cycle);

  /// It is no longer configured: what a poll under way brings is not to be handed in.
  void retire() { retired_ = true; }
  [[nodiscard]] bool is_retired() const { return retired_; }

  /// Reads everything once. The set is made of what was answered: a request that fails leaves its values
  /// absent, but without the first one, which gives the set its time, the poll has failed. A poll costs one
  /// timeout at most.
  boost::asio::awaitable<Result<ReadingSet>> poll(Connection& connection);

  /// Plans the next poll after a good one that ended at `now`; returns the beats skipped.
  std::uint64_t succeeded(SteadyTime now);
  /// Plans the next poll after a failed one. `connection_retry_at`: see Connection::retry_at().
  void failed(FaultClass fault, SteadyTime now, SteadyTime connection_retry_at);

  /// As Driver::why_absent.
  [[nodiscard]] std::string why_absent(Channel channel) const;

  [[nodiscard]] SourceId id() const { return id_; }
  [[nodiscard]] SteadyTime due() const { return beats_.due(); }
  [[nodiscard]] bool failing() const { return reads_.front().backoff.failing(); }
  [[nodiscard]] bool close_after_poll() const { return config_.close_after_poll; }

 private:
  struct Read {
    ReadRequest request;
    std::vector<ReadSlot> slots;
    Backoff backoff;
    std::string fault;  ///< why its values are absent since the newest attempt, "" where it was answered
  };

  void take(const Read& read, const Answer& answer, std::vector<double>& values) const;
  void refused(Read& read, const Fault& fault, SteadyTime now);

  MeterConfig config_;
  SourcePtr source_;
  SourceId id_;
  std::vector<Read> reads_;
  ReadOptions options_;
  bool retired_ = false;
  Beats beats_;
};

}  // namespace flopwatt::modbus
