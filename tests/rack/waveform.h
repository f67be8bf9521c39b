// A function of time with a closed-form antiderivative: the only kind of load the simulated rack knows, so
// that energy and work between any two instants are exact and need no state.
#pragma once

#include <vector>

namespace rack {

// A term of a waveform; `delay` shifts it to later times, in seconds like everything here.
struct Sine {
  double amplitude = 0;
  double period = 1;
  double delay = 0;

  double value(double t) const;
  double antiderivative(double t) const;
};

struct Knot {
  double time = 0;
  double value = 0;
};

// `high` in the first part of each period.
struct Square {
  double low = 0;
  double high = 1;
  double period = 1;
  double duty = 0.5;
  double jitter = 0;  // relative, of each period
  double delay = 0;
};

// `high` for 0.1 s to `longest`, after pauses at `low` of random length.
struct Bursts {
  double low = 0;
  double high = 1;
  double pause = 10;  // on the average
  double longest = 1;
  double delay = 0;
};

// Straight lines between knots, repeated for ever. Two knots at one time make a step; at a step
// the later one counts.
class Schedule {
 public:
  // The first knot must be at 0. A schedule that ends before its period runs in a straight line
  // to its first value.
  Schedule(std::vector<Knot> knots, double period, double delay);
  // Random lengths are the same in each run and repeat after 1,000 pulses.
  static Schedule square(const Square& square);
  static Schedule bursts(const Bursts& bursts);

  double value(double t) const;
  double antiderivative(double t) const;
  double lowest() const;
  double highest() const;
  void scale(double factor);
  void shift(double seconds) { delay_ += seconds; }

 private:
  double area_until(double within) const;

  std::vector<Knot> knots_;
  std::vector<double> area_;  // from 0 to each knot
  double period_;
  double delay_;
};

class Waveform {
 public:
  Waveform() = default;
  explicit Waveform(double constant) : constant_(constant) {}

  void add(double constant) { constant_ += constant; }
  void add(const Sine& sine) { sines_.push_back(sine); }
  void add(Schedule schedule) { schedules_.push_back(std::move(schedule)); }
  void add(const Waveform& other, double factor);

  double value(double t) const;
  double integral(double from, double until) const { return antiderivative(until) - antiderivative(from); }
  double mean(double from, double until) const;
  // Bounds, not extremes: the terms need not peak together.
  double lowest() const;
  double highest() const;
  Waveform delayed(double seconds) const;

 private:
  double antiderivative(double t) const;

  double constant_ = 0;
  std::vector<Sine> sines_;
  std::vector<Schedule> schedules_;
};

}  // namespace rack
