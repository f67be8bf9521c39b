#include "agent/accounting/register_agreement.h"

#include <algorithm>
#include <cmath>

#include "agent/accounting/time_span.h"

namespace flopwatt::accounting {
namespace {

constexpr double memory_s = 3600;
constexpr double edge_memory_s = 900;
constexpr double least_rest_s = 120;
constexpr double least_steps = 3;
constexpr double unexplained = 0.03;
constexpr double shared_deviation = 0.003;  // of register and power of one meter, k=1

}  // namespace

void RegisterAgreement::begin_epoch() {
  since_move_ = moves_ = {};
  has_moved_ = false;
  still_joules_ = refresh_s_ = 0;
  verdict_ = leaps_.are_told() ? RegisterVerdict::contradicts : RegisterVerdict::agrees;
}

void RegisterAgreement::begin_device() {
  leaps_.forget();
  begin_epoch();
}

void RegisterAgreement::integrate(double joules, double variance, double length_s, bool is_known) {
  since_move_.joules += joules;
  since_move_.variance += variance;
  since_move_.seconds += length_s;
  since_move_.is_known = since_move_.is_known && is_known;
  last_interval_ = joules;
  leaps_.integrate(joules, length_s);
}

void RegisterAgreement::show(std::int64_t time_us, double joules, double step) {
  const bool were_told = leaps_.are_told();
  leaps_.observe(time_us, joules, step);
  if (leaps_.are_told())
    verdict_ = RegisterVerdict::contradicts;
  else if (were_told)
    verdict_ = RegisterVerdict::agrees;
}

void RegisterAgreement::count(std::int64_t time_us, double growth, double step, bool is_known) {
  if (!is_known) since_move_.is_known = false;
  if (growth > 0)
    move(time_us, growth, step);
  else
    still_joules_ = since_move_.joules;
  verdict_ = judge(step);
}

void RegisterAgreement::move(std::int64_t time_us, double growth, double step) {
  const double rest_s = has_moved_ ? seconds(time_us - moved_us_) : 0;
  refresh_s_ *= std::exp(-rest_s / edge_memory_s);
  // It could have moved earlier, and did not.
  if (has_moved_ && still_joules_ >= 2 * step && growth >= 2 * step)
    refresh_s_ = std::max(refresh_s_, rest_s);
  edge_ = std::max(last_interval_, edge_ * std::exp(-rest_s / edge_memory_s));
  if (has_moved_ && since_move_.is_known && since_move_.seconds > 0) {
    const double kept = std::exp(-since_move_.seconds / memory_s);
    moves_.growth = kept * moves_.growth + growth;
    moves_.joules = kept * moves_.joules + since_move_.joules;
    moves_.variance = kept * moves_.variance + since_move_.variance;
    moves_.seconds = kept * moves_.seconds + since_move_.seconds;
  }
  has_moved_ = true;
  moved_us_ = time_us;
  since_move_ = {};
  still_joules_ = 0;
}

double RegisterAgreement::ratio_variance() const {
  return (moves_.variance + edge_ * edge_ / 6) / (moves_.joules * moves_.joules);
}

ComparedEnergy RegisterAgreement::compared() const {
  if (leaps_.are_told()) return leaps_.compared();
  if (verdict_ == RegisterVerdict::stands_still) return {0, since_move_.joules, since_move_.seconds};
  return {moves_.growth, moves_.joules, moves_.seconds};
}

std::optional<double> RegisterAgreement::ratio() const {
  if (leaps_.are_told() && leaps_.compared().power_joules > 0)
    return leaps_.compared().register_joules / leaps_.compared().power_joules;
  if (verdict_ == RegisterVerdict::stands_still) return 0.0;
  if (!(moves_.joules > 0) || ratio_variance() > 0.05 * 0.05) return std::nullopt;
  return moves_.growth / moves_.joules;
}

RegisterAgreement::Ratio RegisterAgreement::correction() const {
  constexpr double prior = 1 / (shared_deviation * shared_deviation);
  if (!(moves_.joules > 0) || !(moves_.growth > 0)) return {1, 1 / prior};
  const double seen = moves_.growth / moves_.joules;
  const double weight = 1 / std::max(ratio_variance(), 1e-12);
  if (verdict_ == RegisterVerdict::differs) return {seen, 1 / weight + 1 / prior};
  if (weight < prior) return {1, 1 / prior};
  return {(prior + weight * seen) / (prior + weight), 1 / (prior + weight)};
}

RegisterVerdict RegisterAgreement::judge(double step) const {
  if (leaps_.are_told()) return RegisterVerdict::contradicts;
  if (since_move_.seconds >= std::max(least_rest_s, least_steps * refresh_s_) &&
      since_move_.joules >= least_steps * step && still_joules_ > 0)
    return RegisterVerdict::stands_still;
  const double growth = moves_.growth;
  const double joules = moves_.joules;
  if (moves_.seconds < least_rest_s / 2 || std::max(growth, joules) < least_steps * step)
    return verdict_ == RegisterVerdict::stands_still ? RegisterVerdict::agrees : verdict_;
  const double explained = (2 * accuracy_ + unexplained) * std::max(growth, joules) +
                           3 * std::sqrt(moves_.variance + edge_ * edge_ / 6);
  if (std::abs(growth - joules) <= explained) return RegisterVerdict::agrees;
  return growth > 2 * joules || joules > 2 * growth ? RegisterVerdict::contradicts : RegisterVerdict::differs;
}

}  // namespace flopwatt::accounting
