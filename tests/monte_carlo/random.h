// Random numbers of one rack.
#pragma once

#include <cstddef>
#include <cstdint>
#include <initializer_list>
#include <iterator>
#include <random>

namespace flopwatt::monte_carlo {

class Random {
 public:
  explicit Random(std::uint64_t seed) : engine_(seed) {}

  double between(double low, double high) {
    return std::uniform_real_distribution<double>(low, high)(engine_);
  }
  int whole(int lowest, int highest) { return std::uniform_int_distribution<int>(lowest, highest)(engine_); }
  bool chance(double share) { return between(0, 1) < share; }
  double one_of(std::initializer_list<double> values) {
    return *std::next(values.begin(), whole(0, static_cast<int>(values.size()) - 1));
  }
  double normal(double deviation) { return std::normal_distribution<double>(0, deviation)(engine_); }
  std::uint64_t next() { return engine_(); }

 private:
  std::mt19937_64 engine_;
};

}  // namespace flopwatt::monte_carlo
