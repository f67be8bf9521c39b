// Random lives of energy registers against their truth, in the shapes that meters have: widths, displays that
// roll over, floats that grow coarse, scale factors that change. Whatever they show, growth is the truth of
// the time that is called known, or less where a reset hid some; never more, never negative.
#include <doctest/doctest.h>

#include <algorithm>
#include <array>
#include <bit>
#include <random>
#include <vector>

#include "agent/accounting/counter.h"
#include "readings/reading_set.h"

using namespace flopwatt;
using namespace flopwatt::accounting;

namespace {

constexpr double joules_per_kwh = 3.6e6;
constexpr double peak_watts = 15e3;
constexpr CounterBounds bounds{10 * peak_watts, 1e9};

struct Shape {
  const char* name;
  Resolution resolution;  // raw counts, in J
  double modulus;         // in raw counts
};

// The shapes of facts on meters: see each meter's profile for which one it has.
constexpr std::array shapes{
    Shape{"u32 in Wh", {Wire::u32, 3600, 0}, 0x1p32},
    Shape{"u32 in 0.01 kWh", {Wire::u32, 36e3, 0}, 0x1p32},
    Shape{"i32 in 0.1 kWh, up to its largest number", {Wire::i32, 360e3, 0}, 0x1p31},
    Shape{"8 digits of 0.1 kWh", {Wire::i32, 360e3, 0}, 1e8},
    Shape{"7 digits of 0.1 kWh", {Wire::i32, 360e3, 0}, 1e7},
    Shape{"two words up to 9999, in kWh", {Wire::u32, joules_per_kwh, 0}, 1e8},
    Shape{"9999.99 kWh in Wh", {Wire::u32, 3600, 0}, 1e7},
    Shape{"999999.9 kWh, floating", {Wire::f32, joules_per_kwh, 0.1 * joules_per_kwh}, 1e6},
    Shape{"100 GWh, floating in kWh", {Wire::f32, joules_per_kwh, 0}, 1e8},
    Shape{"64 bits in Wh", {Wire::i64, 3600, 0}, 0x1p63},
};

// A meter's register and all energy that it has ever seen.
class Device {
 public:
  Device(const Shape& shape, double counts) : shape_(shape), counts_(counts) {}

  void draw(double joules) {
    truth_ += joules;
    counts_ = std::fmod(counts_ + joules / shape_.resolution.scale, shape_.modulus);
  }
  void reset() { counts_ = 0; }
  [[nodiscard]] double truth() const { return truth_; }

  /// As it comes over the wire and is scaled, J.
  [[nodiscard]] double told() const {
    if (shape_.resolution.wire == Wire::f32)
      return static_cast<double>(static_cast<float>(counts_)) * shape_.resolution.scale;
    return std::floor(counts_) * shape_.resolution.scale;
  }

  /// Which other values could be true at that moment: what lies within ten minutes' growth,
  /// over the end, too.
  [[nodiscard]] bool is_plausible(double value) const {
    const double apart = std::abs(value - told());
    return std::min(apart, std::abs(shape_.modulus * shape_.resolution.scale - apart)) <
           600 * bounds.likely_rate;
  }

  /// The low word of `then` under the high words of now.
  [[nodiscard]] double torn(double then) const {
    const std::uint64_t mixed = (bits_of(told()) & ~0xFFFFULL) | (bits_of(then) & 0xFFFF);
    const double counts = shape_.resolution.wire == Wire::f32
                              ? static_cast<double>(std::bit_cast<float>(static_cast<std::uint32_t>(mixed)))
                              : static_cast<double>(mixed);
    return counts * shape_.resolution.scale;
  }

 private:
  [[nodiscard]] std::uint64_t bits_of(double told) const {
    const double counts = told / shape_.resolution.scale;
    return shape_.resolution.wire == Wire::f32 ? std::bit_cast<std::uint32_t>(static_cast<float>(counts))
                                               : static_cast<std::uint64_t>(std::llround(counts));
  }

  const Shape& shape_;
  double counts_;
  double truth_ = 0;
};

struct Dice {
  std::mt19937 random;

  double between(double low, double high) {
    return std::uniform_real_distribution<double>(low, high)(random);
  }
  bool chance(double p) { return between(0, 1) < p; }
};

struct Faults {
  double glitch = 0, reset = 0, silence = 0;
};

struct Outcome {
  double known = 0;  // growth that was known
  double truth = 0;  // what was drawn from the first reading to the newest certain one
  int epochs = 0;
};

// What a sick link, or a meter between two registers, makes of a value, J: never one that could be true.
double wrong_value(Dice& dice, const Device& device, double before, double scale) {
  const std::array wild{
      0.0,    4294967295.0 * scale,  65535.0 * scale,    absent, std::numeric_limits<double>::infinity(),
      -scale, dice.between(0, 1e14), device.torn(before)};
  const double value = wild.at(static_cast<std::size_t>(dice.between(0, static_cast<double>(wild.size()))));
  return device.is_plausible(value) ? absent : value;
}

Outcome live(const Shape& shape, double counts, const Faults& faults, Dice& dice) {
  Counter counter;
  counter.set_resolution(shape.resolution);
  Device device(shape, counts);
  std::vector<std::pair<std::int64_t, double>> truth_at;  // of each poll
  const auto truth_of = [&](std::int64_t time_us) {
    return std::ranges::find(truth_at, time_us, &std::pair<std::int64_t, double>::first)->second;
  };
  Outcome outcome;
  double stretch = 0;        // since the newest gap: growth,
  double stretch_truth = 0;  // and what was drawn
  std::int64_t now_us = 0;
  double before = device.told();
  for (int poll = 0; poll < 400; ++poll) {
    const double seconds = dice.chance(faults.silence) ? dice.between(10, 300) : 1;
    now_us += static_cast<std::int64_t>(seconds * 1e6);
    device.draw(seconds * dice.between(0, peak_watts));
    if (poll > 3 && dice.chance(faults.reset)) device.reset();
    double told = device.told();
    if (poll > 0 && dice.chance(faults.glitch))
      told = wrong_value(dice, device, before, shape.resolution.scale);
    before = device.told();
    truth_at.emplace_back(now_us, device.truth());
    for (const CounterStep& step : counter.add({now_us, told, {}}, bounds)) {
      REQUIRE(step.growth >= 0);
      outcome.known += step.growth;
      if (!step.known) {
        REQUIRE(step.growth == 0);
        ++outcome.epochs;
        stretch = stretch_truth = 0;
        continue;
      }
      stretch += step.growth;
      stretch_truth += truth_of(step.time_us) - truth_of(step.since_us);
      REQUIRE(stretch <= stretch_truth + 2 * shape.resolution.at(counter.last()->value));
    }
  }
  outcome.truth = truth_of(counter.last()->time_us) - truth_at.front().second;
  return outcome;
}

}  // namespace

TEST_CASE("property: a register that rolls over loses and invents nothing") {
  Dice dice{std::mt19937{20261124}};
  for (const Shape& shape : shapes) {
    CAPTURE(shape.name);
    for (int round = 0; round < 60; ++round) {
      // It rolls over within the round where its counts are fine enough for that.
      const double ahead = dice.between(0, 400 * 0.4 * peak_watts / shape.resolution.scale);
      const double from = std::floor(std::max(0.0, std::min(shape.modulus, 0x1p40) - 1 - ahead));
      const Outcome outcome = live(shape, from, {.glitch = 0.03, .silence = 0.01}, dice);
      CHECK(outcome.epochs == 1);
      const double step = shape.resolution.at(shape.resolution.scale * std::min(shape.modulus, 0x1p40));
      CHECK(std::abs(outcome.known - outcome.truth) <= 2 * step);
    }
  }
}

TEST_CASE("property: resets, torn reads, glitches and silence make gaps, never energy") {
  Dice dice{std::mt19937{20261125}};
  double known = 0;
  double truth = 0;
  for (const Shape& shape : shapes) {
    CAPTURE(shape.name);
    for (int round = 0; round < 60; ++round) {
      const double from = std::floor(dice.between(0, std::min(shape.modulus, 0x1p40)));
      const Outcome outcome = live(shape, from, {.glitch = 0.05, .reset = 0.005, .silence = 0.02}, dice);
      CHECK(outcome.known <= outcome.truth + 3 * shape.resolution.at(shape.resolution.scale * from));
      known += outcome.known;
      truth += outcome.truth;
    }
  }
  CHECK(known >= 0.75 * truth);  // what is called a gap is little
}

TEST_CASE("property: a scale factor that changes at run time neither loses nor invents energy") {
  Dice dice{std::mt19937{20261126}};
  for (int round = 0; round < 200; ++round) {
    Counter counter;
    double scale = 360;  // 0.1 Wh
    counter.set_resolution({Wire::u32, scale, 0});
    const bool rounds_up = round % 2 == 0;
    double truth = dice.between(1e9, 2e9);
    const double begin = truth;
    double known = 0;
    for (int second = 1; second <= 300; ++second) {
      truth += dice.between(0, peak_watts);
      if (dice.chance(0.05)) {
        scale = scale * (dice.chance(0.5) ? 10 : 0.1);
        scale = std::clamp(scale, 36.0, 36e3);
        counter.set_resolution({Wire::u32, scale, 0});
      }
      const double told = (rounds_up ? std::round(truth / scale) : std::floor(truth / scale)) * scale;
      for (const CounterStep& step : counter.add({second * std::int64_t{1'000'000}, told, {}}, bounds)) {
        REQUIRE((step.known || second == 1));
        REQUIRE(step.growth >= 0);
        known += step.growth;
      }
    }
    CHECK(std::abs(known - (truth - begin)) <=
          peak_watts + 2 * 36e3);  // the first second's energy, and steps
  }
}
