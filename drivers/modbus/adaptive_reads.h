// Which of a meter's planned requests is sent next, and what the meter's refusals teach about them. Pure: the
// caller brings time, chance and answers.
//
// A poll is a round. Each request is sent once in a round. What follows from an exception stands in
// wire/exceptions.h:
//   leave_out    The request is set aside.
//   split        Some of the registers do not exist, or the request is too long. The request is halved
//                between values until the parts are answered or a single value is refused. A value stays
//                with its `minus` and its scale registers. A refused value is set aside, and the others are
//                planned around it. A block that is refused while all its parts are answered was too long,
//                or touched registers that do not exist.
//   wait         The request is sent up to three more times, 100 ms to 1 s apart; the line is free meanwhile.
//   repeat       The request is sent once more, within a second.
//   later        The round is over for the request.
// A request that fails in the end is left alone for a doubled time with each round, without harm to the
// others. A request that is set aside is sent again an hour later, or after a new connection. Each refusal
// doubles the time that has to pass before a new connection counts.
#pragma once

#include <chrono>
#include <cstddef>
#include <cstdint>
#include <optional>
#include <span>
#include <string>
#include <vector>

#include "config/profiles/meter_profile.h"
#include "drivers/modbus/registers/read_plan.h"
#include "drivers/modbus/wire/backoff.h"
#include "readings/fault.h"
#include "runtime/schedule.h"

namespace flopwatt::modbus {

inline constexpr std::chrono::hours retest_after{1};

class AdaptiveReads {
 public:
  struct Read {
    PlannedRead planned;
    bool at_connect = false;  ///< sent once for each connection
    bool set_aside = false;
    bool on_trial = false;  ///< a part of a refused request, or was set aside: it may be refused again
    /// 0: holds the imported energy of the whole meter, 1: its power, 2: neither. The set takes its time from
    /// the answer with the lowest rank.
    unsigned time_rank = 2;
    std::string fault{};     ///< why the newest attempt gave no values, "" where it was answered
    SteadyTime retest_at{};  ///< where set aside: when it is sent again at the latest

   private:
    friend class AdaptiveReads;
    explicit Read(PlannedRead read, std::chrono::microseconds interval)
        : planned(std::move(read)), backoff(backoff_from(interval)) {}

    Backoff backoff;
    bool ended = false;  // for this round; at_connect: for this connection, where answered
    unsigned repeats = 0;
    SteadyTime not_before{};
    bool retest_wanted = false;
    std::chrono::microseconds spacing{0};  // between being refused and a new connection that counts
    SteadyTime set_aside_at{};
  };

  AdaptiveReads(std::vector<Register> registers, const ReadLimits& limits,
                std::chrono::microseconds interval);

  /// `all`: requests that are being left alone are sent, too. Where everything is set aside, one of the
  /// requests is sent all the same.
  void begin_round(SteadyTime now, bool all);
  /// The connection is new: the device may have been replaced or restarted. The requests that are sent once
  /// for each connection are sent in this round.
  void connected(SteadyTime now);
  /// Index into reads() of the request to send now; nullopt: none at this moment. The index is valid until
  /// the next call that is not const.
  [[nodiscard]] std::optional<std::size_t> next(SteadyTime now) const;
  /// When there is a request to send in this round; nullopt: the round is over.
  [[nodiscard]] std::optional<SteadyTime> next_at() const;

  void answered(std::size_t index);
  /// `reason`: why its values are absent. `round_end`: nothing is repeated after that. `chance` is in [0, 1).
  /// True: a single value, or the whole function, is set aside from now on, which the user should know.
  bool failed(std::size_t index, const Fault& fault, const std::string& reason, SteadyTime now,
              SteadyTime round_end, double chance);
  /// Nothing more is sent in this round.
  void end_round(const std::string& reason);

  [[nodiscard]] const std::vector<Read>& reads() const { return reads_; }

 private:
  // A request that was refused although each of its registers may be readable.
  struct Refusal {
    ReadFunction function;
    std::uint16_t address, count;
  };

  // Slots that stay in one request, and their registers: from `begin` to before `end`.
  struct Group {
    std::uint16_t begin = 0, end = 0;
    std::vector<ReadSlot> slots;
  };

  [[nodiscard]] Read make_read(PlannedRead planned, bool at_connect) const;
  void plan_again();
  [[nodiscard]] ReadLimits learnt_limits(const std::vector<bool>& aside) const;
  [[nodiscard]] std::uint16_t width_of(const ReadSlot& slot) const;
  [[nodiscard]] std::vector<Group> groups_of(const Read& read) const;
  [[nodiscard]] ReadPlan plan_part(const Read& read, std::span<const Group> groups) const;
  [[nodiscard]] static std::vector<ReadSlot> slots_of(const PlannedRead& part, bool at_connect,
                                                      std::span<const Group> groups);
  bool set_aside(Read& read, SteadyTime now);
  bool split(std::size_t index, SteadyTime now);
  static bool repeat(Read& read, unsigned times, std::chrono::microseconds pause, SteadyTime now,
                     SteadyTime round_end);
  [[nodiscard]] bool asks(const Read& read) const;

  std::vector<Register> registers_;
  ReadLimits limits_;
  std::chrono::microseconds interval_;
  std::vector<Read> reads_;
  std::vector<Refusal> refusals_;
  std::uint16_t largest_answered_ = 0;  // registers in one request that was answered
  unsigned trials_left_ = 0;            // requests on trial that this round may still send
  bool plan_is_old_ = false;
};

}  // namespace flopwatt::modbus
