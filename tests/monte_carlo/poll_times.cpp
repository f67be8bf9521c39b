#include "tests/monte_carlo/poll_times.h"

#include <algorithm>
#include <cmath>
#include <cstdlib>
#include <numbers>
#include <vector>

namespace flopwatt::monte_carlo {
namespace {

constexpr double slot_s = 0.02;
constexpr int farthest_parts = 3;  // between two polls in a row

}  // namespace

PollTimes::PollTimes(double interval, PhaseModel model, Random& random)
    : interval_(interval), model_(model), random_(random.next()) {
  next_first_ = random_.whole(0, parts - 1);
}

double PollTimes::of(std::int64_t number) {
  const double slots = std::floor(phase(number) * interval_ / slot_s);
  return static_cast<double>(number) * interval_ + slots * slot_s;
}

double PollTimes::phase(std::int64_t number) {
  if (model_ == PhaseModel::fixed) return 0;
  if (model_ == PhaseModel::golden)
    return std::fmod(static_cast<double>(number) * (std::numbers::phi - 1), 1.0);
  for (; block_ < number / parts; ++block_) {
    const int first = next_first_;
    next_first_ = random_.whole(0, parts - 1);
    order_ = random_order(first, next_first_);
  }
  return (order_.at(static_cast<std::size_t>(number % parts)) + random_.between(0, 1)) / parts;
}

// Tried again until it visits all parts and ends near the next block's first.
PollTimes::Order PollTimes::random_order(int first, int next) {
  for (;;) {
    Order order{first};
    std::vector<int> left;
    for (int part = 0; part < parts; ++part)
      if (part != first) left.push_back(part);
    std::size_t count = 1;
    while (!left.empty()) {
      const auto chosen = left.begin() + random_.whole(0, static_cast<int>(left.size()) - 1);
      if (std::abs(*chosen - order.at(count - 1)) > farthest_parts &&
          std::ranges::none_of(
              left, [&](int part) { return std::abs(part - order.at(count - 1)) <= farthest_parts; }))
        break;
      if (std::abs(*chosen - order.at(count - 1)) > farthest_parts) continue;
      order.at(count++) = *chosen;
      left.erase(chosen);
    }
    if (left.empty() && std::abs(order.back() - next) <= farthest_parts) return order;
  }
}

}  // namespace flopwatt::monte_carlo
