// One meter: what a poll asks of it and makes of its answers, and when it is polled next. Metering loop only.
#pragma once

#include <boost/asio/awaitable.hpp>
#include <chrono>
#include <cstdint>
#include <optional>
#include <string>
#include <variant>

#include "config/config.h"
#include "drivers/driver.h"
#include "drivers/modbus/adaptive_reads.h"
#include "drivers/modbus/beats.h"
#include "drivers/modbus/bus_use.h"
#include "drivers/modbus/device_identity.h"
#include "drivers/modbus/registers/meter_values.h"
#include "drivers/modbus/round.h"
#include "drivers/modbus/unit_health.h"
#include "drivers/modbus/unit_use.h"
#include "drivers/modbus/wire/connection.h"
#include "readings/reading_set.h"
#include "readings/result.h"

namespace flopwatt::modbus {

/// The source that stands for the meter before its device has answered. One field for each register of the
/// profile, in its order.
[[nodiscard]] SourcePtr make_source(const MeterConfig& config, std::chrono::microseconds planned_cycle);

/// A poll that goes on with another call of Meter::poll() at Meter::due(). Until then the line is free.
struct PollPaused {};

/// A poll that has ended, with its reading set or the fault of a poll without any answer.
struct PollEnded {
  Result<ReadingSet> set;
  std::chrono::microseconds lateness;  ///< how long after its due time it began
  std::chrono::microseconds duration;  ///< how long it kept the line
};

using PollStep = std::variant<PollPaused, PollEnded>;

class Meter {
 public:
  Meter(const MeterConfig& config, SourcePtr source, SourceId id, Beats beats);
  Meter(const Meter&) = delete;
  Meter& operator=(const Meter&) = delete;

  /// Whether a meter made of `config` is this one, read in the same way. Position in the file and planned
  /// cycle of the bus do not count.
  [[nodiscard]] bool is(const MeterConfig& config) const;

  /// The planned cycle of the bus has changed: how the beats follow each other may change, too. Returns the
  /// new description, nullptr where it is the same.
  [[nodiscard]] SourcePtr update(std::chrono::microseconds planned_cycle);

  /// The meter is no longer configured: the result of a poll in progress is dropped.
  void retire() { retired_ = true; }
  [[nodiscard]] bool is_retired() const { return retired_; }

  /// Begins a poll, or goes on with the one that paused. A poll reads every register once and costs one
  /// timeout at most. Values of requests that fail are absent; a poll without any answer has failed. The set
  /// has the time of the answer with the energy register, else with the power, else of the first one. Its
  /// source may be a new description, with serial number, scale factors and SunSpec models of the device.
  boost::asio::awaitable<PollStep> poll(Connection& connection);

  /// Plans the next poll after a good one that ended at `now`; returns the beats skipped.
  std::uint64_t succeeded(SteadyTime now);
  /// Plans the next poll after a failed one. `connection_retry_at`: see Connection::retry_at().
  /// `shares_line`: others wait while this meter does not answer. Returns the fault to report.
  Fault failed(Fault fault, SteadyTime now, SteadyTime connection_retry_at, bool shares_line);

  /// Why the newest set has no value of `channel`: the answer to Driver::why_absent().
  [[nodiscard]] std::string why_absent(Channel channel) const;

  [[nodiscard]] SourceId id() const { return id_; }
  [[nodiscard]] SteadyTime due() const { return round_ ? round_->due() : beats_.due(); }
  /// The number of the beat that is due next or polled now, and how the beats after it follow.
  [[nodiscard]] std::int64_t beat() const { return beats_.beat(); }
  [[nodiscard]] Pace pace() const { return beats_.pace(); }
  [[nodiscard]] bool failing() const { return health_.failing(); }
  [[nodiscard]] bool close_after_poll() const { return config_.close_after_poll; }
  [[nodiscard]] const UnitUse& use() const { return counters_.use(); }
  /// As the newest set or failure left it.
  [[nodiscard]] const SourcePtr& source() const { return source_; }

 private:
  void begin_round(SteadyTime now);
  [[nodiscard]] std::optional<std::size_t> next_read(const Connection& connection);
  [[nodiscard]] ReadOptions options_for(std::uint16_t count) const;
  [[nodiscard]] Fault explain(const Fault& fault, std::uint16_t count) const;
  void take(std::size_t index, const Answer& answer);
  [[nodiscard]] bool ends_round(std::size_t index, const Fault& fault);
  [[nodiscard]] PollEnded end_poll(Result<ReadingSet> set);
  [[nodiscard]] Result<ReadingSet> make_set();
  boost::asio::awaitable<std::optional<Fault>> find_models(Connection& connection);
  boost::asio::awaitable<void> read_serial_number(const IdentifyingRegister& place, Connection& connection);
  [[nodiscard]] SourcePtr describe() const;

  MeterConfig config_;
  std::chrono::microseconds planned_cycle_{0};
  SourcePtr source_;
  SourceId id_;
  bool retired_ = false;

  DeviceIdentity identity_;
  MeterValues values_;
  AdaptiveReads reads_;
  UnitCounters counters_;
  UnitHealth health_;
  Beats beats_;
  std::optional<Round> round_;  // while a poll is in progress
};

}  // namespace flopwatt::modbus
