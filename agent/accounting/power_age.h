// How old a source's power values are: a meter may refresh them more slowly than it is polled.
//
// Such a value repeats bit for bit until the next refresh, also under a load that moves. So the time between
// two changes is a multiple of the refresh period T, as far as the polls can tell: a change is seen at the
// first poll after it. A live value of a load that stands still in between repeats, too, but for times of all
// lengths, which are multiples of nothing long. T is the longest period that several times between changes
// show and that hardly any contradicts. A load that takes the same values again, bit for bit, stands still by
// itself: its beat tells nothing.
//
// Before that is known, the power of a meter with a register is presumed to be as old as the longest period, up to
// 10 s, that no time between two changes contradicts.
//
// A meter whose register is refreshed slowly, or of which the configuration says so, may refresh power at the
// same moments. This is assumed as long as power has changed only where the register has moved.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>

namespace flopwatt::accounting {

/// What the register beside power did at a reading.
enum class RegisterMove : std::uint8_t {
  unknown,  ///< there is none, or it did not move yet
  rested,   ///< it did not move although several of its steps have flowed
  moved,
};

class PowerAge {
 public:
  /// Another device: nothing is known of it.
  void forget() { *this = {}; }

  /// Each reading of power, in order of time.
  void observe(std::int64_t time_us, double watts, RegisterMove move);

  /// The greatest age of a value when it is read, s; 0: not more than the polls show. `told_s`: what the
  /// configuration tells of the source, 0: nothing. `register_s`: the age learnt of its register.
  [[nodiscard]] double greatest_s(double told_s, double register_s);

  /// Whether the value has repeated until then for far longer than it has lately.
  [[nodiscard]] bool stands_unusually_long(std::int64_t now_us) const;

 private:
  // A change to this value: after `before_us` and until `seen_us`.
  struct Change {
    std::int64_t before_us = 0, seen_us = 0;
    double watts = 0;
  };
  static constexpr std::size_t remembered = 32;

  void add(const Change& change, RegisterMove move);
  [[nodiscard]] const Change& nth_newest(std::size_t n) const;
  [[nodiscard]] double longest_period(double presumed) const;
  [[nodiscard]] double uncontradicted_period() const;
  [[nodiscard]] bool is_contradicted(double period) const;
  [[nodiscard]] bool is_restless() const;
  [[nodiscard]] std::size_t shown(double period) const;
  [[nodiscard]] bool follows_register() const;

  std::array<Change, remembered> changes_{};  // a ring
  std::size_t count_ = 0;                     // of all changes
  double watts_ = 0;
  std::int64_t last_us_ = 0;                        // of the newest reading; 0: none
  double interval_s_ = 0;                           // between readings, in the mean
  float with_register_ = 0, without_register_ = 0;  // changes
  bool is_decided_ = false;                         // what follows holds until the next change
  double presumed_s_ = 0, age_s_ = 0;
};

}  // namespace flopwatt::accounting
