#include "drivers/accelerators/accelerator.h"

#include <algorithm>
#include <chrono>
#include <cmath>
#include <limits>
#include <utility>

#include "readings/plausible.h"
#include "readings/precision.h"
#include "runtime/log.h"

namespace flopwatt::accelerators {
namespace {

constexpr double giga = 1e9;
// A device may exceed its power limit for a moment; nothing has half as much again on average.
constexpr double most_of_limit = 1.5;

Field field(Quantity quantity, Wire wire, double scale = 1.0, Place place = Place::whole) {
  return Field{.channel = {.quantity = quantity, .place = place}, .wire = wire, .scale = scale};
}

std::string why_no_energy(EnergySource source) {
  switch (source) {
    case EnergySource::counter:
      return "";
    case EnergySource::integrated:
      return "the device has no energy counter, and did not tell the power to integrate";
    case EnergySource::none:
      break;
  }
  return "the device has no energy counter, and no power to integrate";
}

/// Appends the work values in the order of the fields: each precision, the total, both bounds, the spread.
void add_work(std::vector<double>& values, const std::vector<Place>& precisions, const Work* work) {
  for (const Place precision : precisions) values.push_back(work ? work->of(precision) : absent);
  values.push_back(work ? work->total() : absent);
  values.push_back(work ? work->low : absent);
  values.push_back(work ? work->high : absent);
  values.push_back(work ? work->spread : absent);
}

/// By precision and in all, which is the same; then its bounds.
void add_estimated_work(std::vector<double>& values, const Work* work) {
  const double total = work ? work->total() : absent;
  values.insert(values.end(), {total, total, work ? work->low : absent, work ? work->high : absent});
}

/// Where integrated energy stands among the figures, which are in the order of quantity.h.
std::ptrdiff_t place_of_energy(const std::vector<Figure>& figures) {
  const auto after = std::ranges::find_if(
      figures, [](const Figure& figure) { return figure.field.channel.quantity > Quantity::energy; });
  return after - figures.begin();
}

}  // namespace

Accelerator::Accelerator(const Vendor& vendor, const AcceleratorConfig& config, const VendorTable& table,
                         std::string name, IntegratedEnergy& energy)
    : vendor_(vendor), config_(config), table_(table), name_(std::move(name)), energy_(energy) {}

void Accelerator::describe(const DeviceIdentity& identity, const std::string& driver_version) {
  identity_ = identity;
  product_ = table_.product(identity.name);
  find_work_model();
  power_ = column_of(Quantity::power);
  power_limit_ = column_of(Quantity::power_limit);
  told_.assign(identity.figures.size(), absent);
  highest_limit_w_ = 0;
  utilization_ = column_of(Quantity::utilization);
  integrated_energy_ = place_of_energy(identity.figures);
  estimate_rates_ = estimate_rates(product_, config_.tensor_precision);
  auto source = std::make_shared<Source>();
  source->kind = SourceKind::accelerator;
  source->name = name_;
  source->identity.vendor = vendor_.keys.title;
  source->identity.model = identity.name;
  source->identity.serial = identity.serial;
  source->identity.uuid = identity.uuid;
  source->identity.pci = identity.pci;
  source->identity.driver = driver_version;
  source->identity.energy_source = identity.energy_source;
  source->interval = source->effective_period = config_.interval;
  source->accuracy = vendor_.accuracy;
  source->sensor = identity.sensor;
  source->refresh = std::max(identity.sensor.period, vendor_.refresh);
  source->fields = measured_fields();
  add_peak_rates(source->fields);
  source_ = std::move(source);
  implausible_told_ = false;
}

/// Sets work_model_ and the peaks of its work, or says why there is none.
void Accelerator::find_work_model() {
  auto model = vendor_.make_work_model(identity_, table_, config_.tensor_precision);
  no_work_reason_ = model ? "" : model.error().reason;
  work_model_ = model ? std::optional<WorkModel>(std::move(*model)) : std::nullopt;
  peaks_.clear();
  if (!work_model_ || product_ == nullptr) return;
  peaks_ = peaks_of(*product_, work_model_->precisions);
  std::erase_if(peaks_, [this](const auto& peak) {
    return std::ranges::find(work_model_->without_peak, peak.first) != work_model_->without_peak.end();
  });
}

std::size_t Accelerator::column_of(Quantity quantity) const {
  const auto found = std::ranges::find_if(identity_.figures, [quantity](const Figure& figure) {
    return figure.field.channel == Channel{.quantity = quantity};
  });
  return static_cast<std::size_t>(found - identity_.figures.begin());
}

std::vector<Field> Accelerator::measured_fields() const {
  using enum Quantity;
  std::vector<Field> fields;
  for (const Figure& figure : identity_.figures) fields.push_back(figure.field);
  if (identity_.energy_source == EnergySource::integrated)
    fields.insert(fields.begin() + integrated_energy_, field(energy, Wire::f64));
  for (const Place pipe : identity_.activity) fields.push_back(field(pipe_active, Wire::f32, 1.0, pipe));
  if (work_model_) {
    for (const Place place : work_model_->precisions)
      fields.push_back(field(pipe_work, Wire::f64, 1.0, place));
    fields.insert(fields.end(), {field(pipe_work, Wire::f64), field(pipe_work_low, Wire::f64),
                                 field(pipe_work_high, Wire::f64), field(pipe_work_spread, Wire::f64)});
  }
  if (estimate_rates_)
    fields.insert(fields.end(), {field(estimated_work, Wire::f64, 1.0, assumed(config_.tensor_precision)),
                                 field(estimated_work, Wire::f64), field(estimated_work_low, Wire::f64),
                                 field(estimated_work_high, Wire::f64)});
  return fields;
}

/// Data sheets give three or four digits; whole GFLOP/s keep them in four bytes.
void Accelerator::add_peak_rates(std::vector<Field>& fields) {
  peak_rates_.clear();
  if (product_ == nullptr) return;
  for (const auto& [precision, rate] : product_->peak_flop_per_second) {
    const auto place = find_place(PlaceKind::precision, precision);
    const double raw = std::round(rate / giga);
    if (!place || raw > std::numeric_limits<std::uint32_t>::max()) continue;
    fields.push_back(field(Quantity::peak_rate, Wire::u32, giga, *place));
    peak_rates_.push_back(raw * giga);
  }
}

void Accelerator::take_numbers(const DeviceReading& reading) {
  for (std::size_t i = 0; i < told_.size(); ++i)
    told_[i] = i < reading.numbers.size() ? held_value(reading.numbers[i], identity_.figures[i].field.scale)
                                          : absent;
  // The highest, since the limit in force may just have been lowered under a running load.
  if (const double limit = figure(power_limit_); is_known(limit))
    highest_limit_w_ = std::max(highest_limit_w_, limit);
}

bool Accelerator::is_beyond_limit(std::size_t column) const {
  return column == power_ && highest_limit_w_ > 0 && told_[column] > most_of_limit * highest_limit_w_;
}

double Accelerator::figure(std::size_t column) const {
  if (column >= told_.size() || is_beyond_limit(column)) return absent;
  const double told = told_[column];
  return is_plausible(identity_.figures[column].field.channel.quantity, told) ? told : absent;
}

std::string Accelerator::why_refused(std::size_t column) const {
  if (column >= told_.size() || !is_known(told_[column]) || is_known(figure(column))) return "";
  const Channel channel = identity_.figures[column].field.channel;
  const std::string device_tells = "the device tells ";
  if (is_plausible(channel.quantity, told_[column]))
    return device_tells + std::to_string(std::llround(told_[column])) +
           " W, more than 1.5 times its power limit of " + std::to_string(std::llround(highest_limit_w_)) +
           " W";
  return device_tells +
         beyond_plausible(channel.quantity, told_[column], find_row(SourceKind::accelerator, channel)->unit);
}

std::optional<Work> Accelerator::increment(const DeviceReading& reading) {
  if (!work_model_ || !reading.activity) return std::nullopt;
  auto work = work_model_->work_of(*reading.activity);
  if (!work) return work;
  const auto beyond = beyond_peak(*work, reading.activity->seconds, peaks_);
  if (!beyond) return work;
  if (!std::exchange(implausible_told_, true))
    log::warn(
        "work beyond the device's peak is taken as unknown: a rate of the table, or what the device tells, "
        "is wrong",
        {{"source", name_}, {"precision", std::string(precision_name(*beyond))}, {"model", identity_.name}});
  return std::nullopt;
}

/// Nothing of a time longer than the source may be silent: it was not seen.
std::optional<Work> Accelerator::estimated_increment(const DeviceReading& reading) const {
  const std::chrono::microseconds passed(reading.time.monotonic_us - newest_us_);
  if (newest_us_ == 0 || passed > source_->stale_after()) return std::nullopt;
  return accelerators::estimated_work(*estimate_rates_, figure(utilization_),
                                      std::chrono::duration<double>(passed).count());
}

double Accelerator::integrated_energy(const DeviceReading& reading) {
  return energy_.advance(reading.time.monotonic_us, figure(power_), source_->stale_after());
}

ReadingSet Accelerator::make_set(const DeviceReading& reading) {
  take_numbers(reading);
  std::vector<double> values;
  values.reserve(source_->fields.size());
  for (std::size_t i = 0; i < identity_.figures.size(); ++i) values.push_back(figure(i));
  if (identity_.energy_source == EnergySource::integrated)
    values.insert(values.begin() + integrated_energy_, integrated_energy(reading));
  for (std::size_t i = 0; i < identity_.activity.size(); ++i) {
    const bool told = reading.activity && i < reading.activity->ratios.size();
    values.push_back(told ? static_cast<double>(static_cast<float>(reading.activity->ratios[i])) : absent);
  }
  if (work_model_)
    add_work(values, work_model_->precisions, work_.advance(increment(reading), reading.activity_sampled));
  if (estimate_rates_)
    add_estimated_work(values, estimated_work_.advance(estimated_increment(reading), true));
  newest_us_ = reading.time.monotonic_us;
  values.insert(values.end(), peak_rates_.begin(), peak_rates_.end());
  return ReadingSet{.source = source_,
                    .time = reading.time,
                    .half_duration_us = reading.half_duration_us,
                    .values = std::move(values)};
}

std::string Accelerator::why_absent(Channel channel) const {
  if (channel.place == Place::whole)
    if (std::string reason = why_refused(column_of(channel.quantity)); !reason.empty()) return reason;
  switch (channel.quantity) {
    case Quantity::energy:
      return why_no_energy(identity_.energy_source);
    case Quantity::work:
    case Quantity::method:
    case Quantity::pipe_work:
      return no_work_reason_;
    case Quantity::pipe_active:
      return identity_.no_activity_reason;
    default:
      return "";
  }
}

}  // namespace flopwatt::accelerators
