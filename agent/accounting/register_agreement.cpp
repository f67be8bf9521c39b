#include "agent/accounting/register_agreement.h"

#include <algorithm>
#include <cmath>

#include "agent/accounting/time_span.h"
#include "agent/accounting/time_variance.h"

namespace flopwatt::accounting {
namespace {

constexpr double memory_s = 3600;
constexpr double edge_memory_s = 900;
constexpr double least_rest_s = 120;
constexpr double least_steps = 3;
constexpr double many_steps = 10;   // of which a step more or less is nothing
constexpr double known_steps = 30;  // over which register and power agree
constexpr double stretch_s = 20;
constexpr double compared_memory_s = 1800;
constexpr double presumed_stretches = 2;  // that confirm the variance before any was compared
constexpr double least_share = 0.5;       // errors that cancel over a stretch do not in a shorter window
constexpr double unexplained = 0.03;
constexpr double shared_deviation = 0.003;  // of register and power of one meter, k=1

}  // namespace

void RegisterAgreement::begin_epoch() {
  since_move_ = moves_ = stretch_ = {};
  stretch_edge_ = 0;
  compared_ = {};
  has_moved_ = is_moment_known_ = false;
  moved_us_ = 0;
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

void RegisterAgreement::show(std::int64_t time_us, double joules, double step, double most_watts) {
  const bool were_told = leaps_.are_told();
  leaps_.observe(time_us, joules, step, most_watts);
  if (leaps_.are_told())
    verdict_ = RegisterVerdict::contradicts;
  else if (were_told)
    verdict_ = RegisterVerdict::agrees;
}

void RegisterAgreement::count(std::int64_t time_us, double growth, double step, bool is_known) {
  if (!is_known) since_move_.is_known = false;
  rest_ = {};
  if (moved_us_ == 0) moved_us_ = time_us;
  if (growth > 0)
    move(time_us, growth, step, is_known);
  else
    still_joules_ = since_move_.joules;
  verdict_ = judge(step);
}

// It could have moved earlier, and did not.
RestEnd RegisterAgreement::rest_end(double growth, double step) const {
  if (still_joules_ < 2 * step) return RestEnd::none;
  if (!has_moved_) return RestEnd::first;
  const bool tells_rest = growth > last_interval_ + still_joules_ / 2;
  if (tells_rest) {
    if (growth < 2 * step) return RestEnd::none;
    return agrees_over_rest(growth, step) ? RestEnd::late : RestEnd::disputed;
  }
  const bool agreed = (verdict_ == RegisterVerdict::agrees || verdict_ == RegisterVerdict::stands_still) &&
                      moves_.joules >= known_steps * step &&
                      std::abs(moves_.growth / moves_.joules - 1) < 0.1;
  const bool is_long = since_move_.seconds >= least_steps * refresh_s_;
  const bool is_sure = is_long && still_joules_ - 3 * std::sqrt(since_move_.variance) >= 2 * step;
  return agreed && is_sure && since_move_.is_known ? RestEnd::lost : RestEnd::none;
}

// A device that refreshes its values seldom, as it has been seen to.
bool RegisterAgreement::is_usual_rest() const { return since_move_.seconds <= 2 * refresh_s_; }

bool RegisterAgreement::agrees_over_rest(double growth, double step) const {
  const double told = correction().value * since_move_.joules;
  const double explained = unexplained * std::max(growth, told) + step + last_interval_ +
                           3 * std::sqrt(since_move_.variance + unexplained_rate() * since_move_.seconds);
  return is_usual_rest() || !since_move_.is_known || std::abs(growth - told) <= explained;
}

void RegisterAgreement::move(std::int64_t time_us, double growth, double step, bool is_near) {
  const double rest_s = has_moved_ ? seconds(time_us - moved_us_) : 0;
  refresh_s_ *= std::exp(-rest_s / edge_memory_s);
  rest_ = {rest_end(growth, step), {moved_us_, time_us}, since_move_.joules};
  const bool is_moved_in_time = is_near && (rest_.end == RestEnd::none || is_usual_rest());
  if (has_moved_ && still_joules_ >= 2 * step && growth >= 2 * step)
    refresh_s_ = std::max(refresh_s_, rest_s);
  edge_ = std::max(last_interval_, edge_ * std::exp(-rest_s / edge_memory_s));
  if (rest_.end == RestEnd::lost || rest_.end == RestEnd::disputed || !is_moment_known_)
    since_move_.is_known = false;
  // A coarse register that comes back after a rest may have been due for its next step.
  is_moment_known_ = is_moved_in_time || growth >= many_steps * step;
  if (has_moved_ && since_move_.is_known && since_move_.seconds > 0) {
    const double kept = std::exp(-since_move_.seconds / memory_s);
    moves_.growth = kept * moves_.growth + growth;
    moves_.joules = kept * moves_.joules + since_move_.joules;
    moves_.variance = kept * moves_.variance + since_move_.variance;
    moves_.seconds = kept * moves_.seconds + since_move_.seconds;
  }
  // In which the register moved, and how old its value is.
  mean_interval_ += (square(last_interval_) - mean_interval_) / (mean_interval_ > 0 ? 16 : 1);
  compare(growth, std::max({last_interval_, std::sqrt(mean_interval_), std::min(growth, step)}));
  has_moved_ = true;
  moved_us_ = time_us;
  since_move_ = {};
  still_joules_ = 0;
}

// `edge`: energy within which the moment of the move is known.
void RegisterAgreement::compare(double growth, double edge) {
  const bool is_known = has_moved_ && since_move_.is_known && verdict_ != RegisterVerdict::stands_still;
  if (is_known) {
    stretch_.growth += growth;
    stretch_.joules += since_move_.joules;
    stretch_.variance += since_move_.variance;
    stretch_.seconds += since_move_.seconds;
    if (stretch_.seconds < stretch_s) return;
    const Ratio ratio = correction();
    const double kept = std::exp(-stretch_.seconds / compared_memory_s);
    const double edges =
        (square(stretch_edge_) + square(edge)) / 6 + ratio.variance * square(stretch_.joules);
    compared_.squares = kept * compared_.squares + square(stretch_.growth - ratio.value * stretch_.joules);
    compared_.variance = kept * compared_.variance + stretch_.variance;
    compared_.edges = kept * compared_.edges + edges;
    compared_.seconds = kept * compared_.seconds + stretch_.seconds;
    compared_.stretches = kept * compared_.stretches + 1;
  }
  stretch_ = {};
  stretch_edge_ = edge;
}

double RegisterAgreement::unexplained_rate() const {
  const double more = compared_.squares - compared_.variance - compared_.edges;
  return std::max(0.0, more) / (compared_.seconds + stretch_s);
}

double RegisterAgreement::confirmed_share() const {
  if (!(compared_.variance > 0)) return 1;
  const double presumed = presumed_stretches * compared_.variance / compared_.stretches;
  return std::clamp((compared_.squares + presumed) / (compared_.variance + presumed), least_share, 1.0);
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
