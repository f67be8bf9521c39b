// When sources are polled.
#pragma once

#include <array>
#include <cstdint>

#include "tests/monte_carlo/random.h"

namespace flopwatt::monte_carlo {

enum class PhaseModel {
  moving,  ///< as the agent polls: ten polls in a row visit each tenth of the interval, in an order of chance
  golden,  ///< moves by the golden ratio
  fixed,
};

/// The polls of one interval. All sources of that interval move together.
class PollTimes {
 public:
  PollTimes(double interval, PhaseModel model, Random& random);

  /// The seconds of poll `number`, from 0 on, before the offset of the source's bus. Numbers must not fall.
  [[nodiscard]] double of(std::int64_t number);
  [[nodiscard]] double interval() const { return interval_; }

 private:
  static constexpr int parts = 10;
  using Order = std::array<int, parts>;

  [[nodiscard]] Order random_order(int first, int next);
  [[nodiscard]] double phase(std::int64_t number);

  double interval_;
  PhaseModel model_;
  Random random_;
  std::int64_t block_ = -1;
  int next_first_ = 0;
  Order order_{};
};

}  // namespace flopwatt::monte_carlo
