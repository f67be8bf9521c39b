#include "agent/accounting/member.h"

#include <algorithm>
#include <cmath>
#include <utility>

#include "agent/accounting/uncertainty.h"

namespace flopwatt::accounting {
namespace {

constexpr double joules_per_wh = 3600;

double value_at(const ReadingSet& set, std::optional<std::size_t> column) {
  return column && *column < set.values.size() ? set.values[*column] : absent;
}

double total_of(const Totals& totals, const std::string& key) {
  const auto found = totals.find(key);
  return found == totals.end() ? absent : found->second;
}

bool is_other_device(const Identity& before, const Identity& now) {
  const auto changed = [](const std::string& one, const std::string& other) {
    return !one.empty() && !other.empty() && one != other;
  };
  return changed(before.serial, now.serial) || changed(before.uuid, now.uuid);
}

}  // namespace

double text_number(const std::string& text) {
  std::uint64_t hash = 0xcbf29ce484222325ULL;
  for (const char c : text) hash = (hash ^ static_cast<unsigned char>(c)) * 0x100000001b3ULL;
  return static_cast<double>(
      std::max<std::uint64_t>(1, (hash ^ (hash >> 52)) & ((std::uint64_t{1} << 52) - 1)));
}

double identity_number(const Identity& identity) {
  if (identity.serial.empty() && identity.uuid.empty()) return 0;
  return text_number(identity.serial + '\n' + identity.uuid);
}

Member::Member(SourcePtr source, std::uint16_t branch) : source_(std::move(source)), branch_(branch) {
  const std::string prefix =
      "source/" + source_->name + '/' + (branch == 0 ? "" : std::to_string(branch) + '/');
  counter_key_ = prefix + "energy_j";
  time_key_ = prefix + "energy_time_us";
  identity_key_ = prefix + "identity";
  peak_key_ = prefix + "peak_w";
  step_key_ = prefix + "step_j";
  ahead_key_ = prefix + "ahead_j";
  resolve();
}

void Member::restore(const Totals& totals, Moment first_time) {
  const double joules = total_of(totals, counter_key_);
  const double wall_us = total_of(totals, time_key_);
  if (!is_known(joules) || !is_known(wall_us)) return;
  is_saved_ = true;
  const double identity = total_of(totals, identity_key_);
  // Where it is known whose register that was, a device that does not say who it is may be another one.
  const bool may_be_other =
      is_known(identity) && identity != 0 && identity != identity_number(source_->identity);
  if (may_be_other || !counter_column_) return;
  // If the wall clock went back, the time in between is unknown: the register must then be confirmed.
  const std::int64_t age = std::max<std::int64_t>(1, first_time.wall_us - static_cast<std::int64_t>(wall_us));
  const auto known_or_zero = [&](const std::string& key) {
    const double value = total_of(totals, key);
    return is_known(value) ? value : 0;
  };
  energy_.restore({{first_time.monotonic_us - age, joules, {}},
                   known_or_zero(peak_key_),
                   known_or_zero(step_key_),
                   known_or_zero(ahead_key_)});
}

void Member::describe(SourcePtr source) {
  const bool is_other = is_other_device(source_->identity, source->identity);
  source_ = std::move(source);
  resolve();
  if (!is_other) return;
  energy_.begin_epoch();
  pipe_.begin_epoch();
  estimated_.begin_epoch();
}

Channel Member::channel_of(Quantity quantity) const {
  return branch_ == 0 ? Channel{quantity} : Channel{quantity, Place::branch, branch_};
}

void Member::resolve() {
  const bool is_meter = source_->kind == SourceKind::meter;
  const auto column = [&](Quantity quantity) { return source_->index_of(channel_of(quantity)); };
  counter_column_ = column(is_meter ? Quantity::energy_import : Quantity::energy);
  power_column_ = column(is_meter ? Quantity::active_power : Quantity::power);
  counter_factor_ = is_meter ? joules_per_wh : 1;
  // Energy that the driver integrated is no counter: the power it comes from is integrated
  // here, with its uncertainty.
  if (source_->identity.energy_source == EnergySource::integrated && power_column_) counter_column_.reset();

  EnergyShape shape;
  if (counter_column_) shape.counter = resolution_of(source_->fields[*counter_column_], counter_factor_);
  if (power_column_) shape.power = resolution_of(source_->fields[*power_column_], 1);
  shape.longest_gap_us = source_->stale_after().count();
  shape.accuracy = source_->accuracy + source_->ct_accuracy;
  shape.unseen_s = source_->sensor.unseen_share() * seconds(source_->sensor.period.count());
  shape.interval_s = seconds(source_->interval.count());
  shape.refresh_s = seconds(source_->refresh.count());
  energy_.set_shape(shape);
  turned_.describe(*source_, branch_);

  pipe_.set_longest_gap(shape.longest_gap_us);
  estimated_.set_longest_gap(shape.longest_gap_us);
  pipe_.set_interval(seconds(source_->interval.count()));
  counted_.work.set_longest_gap(shape.longest_gap_us);
  model_.work.set_longest_gap(shape.longest_gap_us);
  counted_.column = column(Quantity::counted_work);
  counted_.told_column = column(Quantity::counted_work_told);
  counted_.age_column = column(Quantity::counted_work_age);
  model_.column = column(Quantity::model_work);
  model_.told_column = column(Quantity::model_work_told);
  model_.age_column = column(Quantity::model_work_age);
  pipe_columns_ = {column(Quantity::pipe_work), column(Quantity::pipe_work_low),
                   column(Quantity::pipe_work_high), column(Quantity::pipe_work_spread)};
  estimated_columns_ = {column(Quantity::estimated_work), column(Quantity::estimated_work_low),
                        column(Quantity::estimated_work_high), std::nullopt};
  peak_columns_.clear();
  activity_columns_.clear();
  for (std::size_t i = 0; i < source_->fields.size(); ++i) {
    const Quantity quantity = source_->fields[i].channel.quantity;
    if (quantity == Quantity::peak_rate) peak_columns_.push_back(i);
    if (quantity == Quantity::utilization || quantity == Quantity::pipe_active)
      activity_columns_.push_back(i);
  }
}

double Member::peak_rate(const ReadingSet& set) const {
  double peak = 0;
  for (const std::size_t column : peak_columns_) {
    const double rate = value_at(set, column);
    if (is_known(rate)) peak = std::max(peak, rate);
  }
  return peak;
}

Growth Member::add(const ReadingSet& set, const Retention& retention) {
  const std::int64_t time_us = set.time.monotonic_us;
  // Nothing at all: a failed poll. But of counted work it says that counting is not offered any more.
  if (set.known_count() == 0 && source_->kind != SourceKind::work) return {};
  if (newest_.monotonic_us != 0 && time_us <= newest_.monotonic_us) return {};
  const std::int64_t before_us = newest_.monotonic_us;
  newest_ = set.time;
  newest_watts_ = value_at(set, power_column_);
  turned_.add(set);
  const double time_variance = time_stamp_variance(set);
  Growth growth;
  growth.energy = energy_.add(
      {time_us, value_at(set, counter_column_) * counter_factor_, newest_watts_, transaction_variance(set)},
      retention);
  if (source_->kind != SourceKind::meter) add_work(set, time_variance, retention, growth);
  if (is_accelerator()) {
    const bool is_near = before_us != 0 && time_us - before_us <= source_->stale_after().count();
    idle_.append(time_us, {}, is_near && is_idle(set) ? tag_known : tag_gap, retention);
  }
  return growth;
}

void Member::add_work(const ReadingSet& set, double time_variance, const Retention& retention,
                      Growth& growth) {
  const std::int64_t time_us = set.time.monotonic_us;
  const auto grown = [&](Method method) -> double& { return growth.work[static_cast<std::size_t>(method)]; };
  grown(Method::counted) = add_counted(counted_, set, time_variance, retention);
  grown(Method::model) = add_counted(model_, set, time_variance, retention);
  if (!is_accelerator()) return;
  const double peak = peak_rate(set);
  const auto reading = [&](const WorkColumns& columns) {
    return WorkReading{time_us,
                       value_at(set, columns.work),
                       value_at(set, columns.low),
                       value_at(set, columns.high),
                       value_at(set, columns.spread),
                       peak,
                       time_variance};
  };
  grown(Method::pipe) = pipe_.add(reading(pipe_columns_), retention);
  grown(Method::estimated) = estimated_.add(reading(estimated_columns_), retention);
}

// Without columns of what was told by when, all is told at the time of the set.
double Member::add_counted(Counted& counted, const ReadingSet& set, double time_variance,
                           const Retention& retention) {
  if (!counted.column) return 0;
  const double work = value_at(set, counted.column);
  CountedReading reading{set.time.monotonic_us, work, work, set.time.monotonic_us, time_variance};
  if (counted.age_column) {
    const double age_s = value_at(set, counted.age_column);
    reading.told = value_at(set, counted.told_column);
    if (is_known(age_s)) reading.told_us -= std::llround(age_s * 1e6);
  }
  return counted.work.add(reading, retention);
}

bool Member::is_idle(const ReadingSet& set) const {
  return !activity_columns_.empty() && std::ranges::all_of(activity_columns_, [&](std::size_t column) {
    return value_at(set, column) == 0;
  });
}

bool Member::is_stale(std::int64_t now_us) const {
  return now_us - newest_.monotonic_us > source_->stale_after().count();
}

bool Member::offers(Method method) const {
  switch (method) {
    case Method::counted:
    case Method::model:
      return counted(method).work.offered();
    case Method::pipe:
      return pipe_.offered();
    case Method::estimated:
      return estimated_.offered();
    case Method::none:
      break;
  }
  return false;
}

std::int64_t Member::work_reached_us(Method method) const {
  if (is_told(method) && counted(method).column) return counted(method).work.reached_us();
  if (method == Method::pipe && pipe_.offered()) return pipe_.reached_us();
  if (method == Method::estimated && estimated_.offered()) return estimated_.reached_us();
  return newest_.monotonic_us;
}

bool Member::add_work_gaps(Method method, TimeSpan window, TimeSpans& gaps) const {
  if (is_told(method)) return counted(method).work.add_gaps(window, gaps);
  return (method == Method::pipe ? pipe_ : estimated_).add_gaps(window, gaps);
}

WorkPart Member::work_part(Method method, std::span<const TimeSpan> covered) const {
  if (is_told(method)) return counted(method).work.part(covered);
  return (method == Method::pipe ? pipe_ : estimated_).part(covered);
}

double Member::highest_rate(Method method) const {
  if (is_told(method)) return counted(method).work.highest_rate();
  return (method == Method::pipe ? pipe_ : estimated_).highest_rate();
}

double Member::power() const { return energy_.power_in_doubt() ? absent : newest_watts_; }

void Member::take_changed(Totals& totals) {
  const auto& last = energy_.last_counted();
  if (!last) {
    // The energy since is counted without the register: its growth must not come on top one day.
    if (std::exchange(is_saved_, false)) totals[counter_key_] = totals[time_key_] = absent;
    return;
  }
  if (last->time_us == saved_us_) return;
  saved_us_ = last->time_us;
  is_saved_ = true;
  totals[counter_key_] = last->value;
  totals[time_key_] = static_cast<double>(newest_.wall_us - (newest_.monotonic_us - last->time_us));
  const double identity = identity_number(source_->identity);
  if (identity != saved_identity_) totals[identity_key_] = saved_identity_ = identity;
  if (energy_.learned_step() != saved_step_) totals[step_key_] = saved_step_ = energy_.learned_step();
  if (energy_.ahead() != saved_ahead_) totals[ahead_key_] = saved_ahead_ = energy_.ahead();
  const double peak = energy_.likely_peak_watts();
  if (std::abs(peak - saved_peak_) > 0.1 * saved_peak_) totals[peak_key_] = saved_peak_ = peak;
}

}  // namespace flopwatt::accounting
