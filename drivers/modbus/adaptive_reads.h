// The planned requests of one meter, and what it has taught about them. Pure: the caller brings time, chance
// and answers.
//
// A poll is a round: each request is asked at most once, and once more or three times where an exception says
// that this may help, after a pause in which the line is free for others. What an exception means for the
// request (facts: modbus, section 4):
//   2, 3      some of the registers are not there, or they are too many: the request is halved, between
//             values, never through one or between it and its `minus` or scale registers, until the parts are
//             answered or a single value is refused. That one is set aside, and the others are planned anew
//             around it. A block that is refused while all its parts are answered was too long, or touched
//             registers that do not exist.
//   1         the function is not known: all of the request is set aside
//   5, 6      busy: up to three more times, 100 ms to 1 s apart
//   others    once more, within a second
// What fails in the end is left alone for a doubled time with each round, without harm to the other requests.
// What is set aside is asked again when the meter was connected to anew (each time it then refuses again
// doubles the time before which that does not count), or after an hour.
#pragma once

#include <chrono>
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
    bool at_connect = false;  ///< once for each connection
    bool set_aside = false;
    bool on_trial = false;  ///< a part of what was refused, or was set aside: it may be refused again
    /// 0: has the imported energy of the whole meter, 1: its power, 2: neither. The set's time is that of the
    /// answer with the lowest.
    unsigned time_rank = 2;
    std::string fault{};     ///< why its values are absent since the newest attempt, "" where it was answered
    SteadyTime retest_at{};  ///< where set aside: at the latest

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

  /// `all`: also what is being left alone; where everything is set aside, one of those.
  void begin_round(SteadyTime now, bool all);
  /// It is, or may be, another device, or the same after a restart: what is asked once for each connection is
  /// asked in this round.
  void connected(SteadyTime now);
  /// What to ask next; null: nothing, at this moment. Valid until the next call that is not const.
  [[nodiscard]] Read* next(SteadyTime now);
  /// When there will be something to ask in this round; nullopt: it has ended.
  [[nodiscard]] std::optional<SteadyTime> next_at() const;

  void answered(Read& read);
  /// `reason`: why its values are absent. `round_end`: nothing is repeated after that. True: single values
  /// are not to be had from now on, which somebody should know.
  bool failed(Read& read, const Fault& fault, const std::string& reason, SteadyTime now, SteadyTime round_end,
              double chance);
  /// Nothing more is asked in this round.
  void end_round(const std::string& reason);

  [[nodiscard]] const std::vector<Read>& reads() const { return reads_; }

 private:
  // Registers that were refused in one request although each of them may be readable.
  struct Refusal {
    ReadFunction function;
    std::uint16_t address, count;
  };

  // Slots that must stay in one request, and the registers from the first of them to behind the last.
  struct Group {
    std::uint16_t begin = 0, end = 0;
    std::vector<ReadSlot> slots;
  };

  [[nodiscard]] Read make_read(PlannedRead planned, bool at_connect) const;
  void plan_anew();
  [[nodiscard]] ReadLimits learnt_limits(const std::vector<bool>& aside) const;
  [[nodiscard]] std::uint16_t width_of(const ReadSlot& slot) const;
  [[nodiscard]] std::vector<Group> groups_of(const Read& read) const;
  [[nodiscard]] ReadPlan plan_part(const Read& read, std::span<const Group> groups) const;
  [[nodiscard]] static std::vector<ReadSlot> slots_of(const PlannedRead& part, bool at_connect,
                                                      std::span<const Group> groups);
  bool set_aside(Read& read, SteadyTime now);
  bool refused(Read& read, SteadyTime now);
  static bool repeat(Read& read, unsigned times, std::chrono::microseconds pause, SteadyTime now,
                     SteadyTime round_end);
  [[nodiscard]] bool asks(const Read& read) const;

  std::vector<Register> registers_;
  ReadLimits limits_;
  std::chrono::microseconds interval_;
  std::vector<Read> reads_;
  std::vector<Refusal> refusals_;
  std::uint16_t largest_answered_ = 0;  // registers in one request
  unsigned trials_left_ = 0;            // in this round
  bool plan_is_old_ = false;
};

}  // namespace flopwatt::modbus
