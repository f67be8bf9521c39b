// One meter: its source, what is asked of it, its beats, and how long it is left alone when it does not
// answer.
#pragma once

#include <boost/asio/awaitable.hpp>
#include <chrono>
#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "config/config.h"
#include "drivers/driver.h"
#include "drivers/modbus/adaptive_reads.h"
#include "drivers/modbus/beats.h"
#include "drivers/modbus/bus_use.h"
#include "drivers/modbus/registers/meter_values.h"
#include "drivers/modbus/sunspec/sunspec.h"
#include "drivers/modbus/unit_health.h"
#include "drivers/modbus/wire/connection.h"
#include "readings/reading_set.h"
#include "readings/result.h"

namespace flopwatt::modbus {

/// What the agent is told of the meter before the meter was asked. One field for each register of the
/// profile, in its order.
[[nodiscard]] SourcePtr make_source(const MeterConfig& config, std::chrono::microseconds planned_cycle);

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

  /// Reads everything once. The set is made of what was answered, its time is that of the answer with the
  /// energy register (else the power, else the first); what is refused or fails leaves its values absent, and
  /// a poll without any answer has failed. A poll costs one timeout at most. The source of the set may be a
  /// new description: the device tells its serial number, scale factors, SunSpec models.
  /// nullopt: something is to be asked once more at due(); until then the line is free for others. The poll
  /// is then gone on with by calling this again.
  boost::asio::awaitable<std::optional<Result<ReadingSet>>> poll(Connection& connection);

  /// Of the newest poll: how late it began, how long it has kept its line.
  [[nodiscard]] std::chrono::microseconds lateness() const { return lateness_; }
  [[nodiscard]] std::chrono::microseconds duration() const { return duration_; }

  /// Plans the next poll after a good one that ended at `now`; returns the beats skipped.
  std::uint64_t succeeded(SteadyTime now);
  /// Plans the next poll after a failed one. `connection_retry_at`: see Connection::retry_at().
  /// `shares_line`: others wait while this one does not answer. Returns what to tell of the fault.
  Fault failed(Fault fault, SteadyTime now, SteadyTime connection_retry_at, bool shares_line);

  /// As Driver::why_absent.
  [[nodiscard]] std::string why_absent(Channel channel) const;

  [[nodiscard]] SourceId id() const { return id_; }
  [[nodiscard]] SteadyTime due() const { return in_round_ ? resume_at_ : beats_.due(); }
  [[nodiscard]] bool failing() const { return health_.failing(); }
  [[nodiscard]] bool close_after_poll() const { return config_.close_after_poll; }
  [[nodiscard]] const UnitUse& use() const { return use_; }
  /// As the newest set or failure left it.
  [[nodiscard]] const SourcePtr& source() const { return source_; }

 private:
  using Read = AdaptiveReads::Read;

  void begin_round(SteadyTime now);
  [[nodiscard]] Read* next_read(const Connection& connection);
  [[nodiscard]] ReadOptions options_for(std::uint16_t count) const;
  /// `fault` of a transaction of `count` registers with options_for() it.
  [[nodiscard]] Fault explain(const Fault& fault, std::uint16_t count) const;
  void take(Read& read, const Answer& answer);
  /// Whether the rest of the round is to be given up.
  [[nodiscard]] bool refused(Read& read, const Fault& fault);
  [[nodiscard]] Result<ReadingSet> finish();
  [[nodiscard]] bool wants_models(const Connection& connection) const;
  boost::asio::awaitable<std::optional<Fault>> find_models(Connection& connection);
  void adopt(const SunSpecDevice& device, MeterProfile profile);
  [[nodiscard]] const IdentifyingRegister* unread_serial_number() const;
  boost::asio::awaitable<void> read_serial_number(const IdentifyingRegister& place, Connection& connection);
  void count(const Traffic& before, const Traffic& after);
  [[nodiscard]] SourcePtr describe() const;

  MeterConfig config_;
  std::chrono::microseconds planned_cycle_{0};
  SourcePtr source_;
  SourceId id_;
  MeterValues values_;
  AdaptiveReads reads_;
  UnitHealth health_;
  Beats beats_;
  UnitUse use_;
  bool retired_ = false;

  // What the device has told of itself.
  std::optional<SunSpecDevice> device_;
  std::optional<MeterProfile> models_;  // in place of the profile's registers
  std::string serial_;
  bool serial_asked_ = false;
  std::uint64_t openings_ = 0;  // of the connection on which it told what is asked once, plus 1; 0: none
  std::uint64_t walked_at_ = 0;
  bool walk_again_ = false;

  // The round.
  bool in_round_ = false;
  bool session_checked_ = false;
  SteadyTime resume_at_{};
  SteadyTime round_end_{};
  std::chrono::microseconds lateness_{0}, duration_{0};
  unsigned time_rank_ = 0;  // of the answer that gave set_time_; no_time: none
  Moment set_time_;
  std::int64_t half_duration_us_ = 0;
  std::optional<Fault> fault_;            // the first of the round
  std::chrono::microseconds slowest_{0};  // of the answers lately
};

}  // namespace flopwatt::modbus
