#include "drivers/accelerators/accelerator.h"

#include <cmath>
#include <limits>
#include <utility>

#include "runtime/log.h"

namespace flopwatt::nvidia {
namespace {

constexpr double milli = 1e-3;
constexpr double mega = 1e6;
constexpr double giga = 1e9;
constexpr double percent = 0.01;

/// Half-width of an uncalibrated NVML sensor (Yang, Adamek, Armour, SC24: gain errors of individual cards).
constexpr double sensor_accuracy = 0.05;
/// How often the devices refresh power and energy (same source).
constexpr std::chrono::milliseconds sensor_refresh{100};

Field field(Quantity quantity, Wire wire, double scale = 1.0, Place place = Place::whole) {
  return Field{.channel = {.quantity = quantity, .place = place}, .wire = wire, .scale = scale};
}

EnergySource energy_source(const DeviceIdentity& identity) {
  if (identity.has_energy_counter) return EnergySource::counter;
  return identity.has_power ? EnergySource::integrated : EnergySource::none;
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

/// Fills a set's values in the order of the source's fields.
class Values {
 public:
  explicit Values(const Source& source) : fields_(source.fields) { values_.reserve(fields_.size()); }

  template <class Raw>
  void add(const std::optional<Raw>& raw) {
    values_.push_back(raw ? held_value(static_cast<double>(*raw), fields_[values_.size()].scale) : absent);
  }
  void add(double value) { values_.push_back(value); }

  [[nodiscard]] std::vector<double> take() { return std::move(values_); }

 private:
  const std::vector<Field>& fields_;
  std::vector<double> values_;
};

double part_of(const std::optional<Work>& work, double Work::*part) { return work ? (*work).*part : absent; }

void add_work(Values& values, const std::optional<Work>& work) {
  const auto value = [&](double Work::*part) { return part_of(work, part); };
  values.add(value(&Work::fp64));
  values.add(value(&Work::fp32));
  values.add(value(&Work::fp16));
  values.add(value(&Work::tensor));
  values.add(work ? work->total() : absent);
  values.add(value(&Work::low));
  values.add(value(&Work::high));
  values.add(value(&Work::spread));
}

/// By precision and in all, which is the same; then its bounds.
void add_estimated_work(Values& values, const std::optional<Work>& work) {
  for (double Work::*part : {&Work::tensor, &Work::tensor, &Work::low, &Work::high})
    values.add(part_of(work, part));
}

}  // namespace

Accelerator::Accelerator(const NvidiaConfig& config, const AcceleratorTable& table, std::string name,
                         IntegratedEnergy& energy)
    : config_(config), table_(table), name_(std::move(name)), energy_(energy) {}

void Accelerator::describe(const DeviceIdentity& identity, const std::string& driver_version) {
  identity_ = identity;
  product_ = table_.product(identity.name);
  find_rates();
  estimate_rates_ = estimate_rates(product_, config_.tensor_precision);
  auto source = std::make_shared<Source>();
  source->kind = SourceKind::accelerator;
  source->name = name_;
  source->identity.vendor = "NVIDIA";
  source->identity.model = identity.name;
  source->identity.serial = identity.serial;
  source->identity.uuid = identity.uuid;
  source->identity.pci = identity.pci;
  source->identity.driver = driver_version;
  source->identity.energy_source = energy_source(identity);
  source->interval = source->effective_period = config_.interval;
  source->accuracy = sensor_accuracy;
  source->refresh = sensor_refresh;
  source->fields = measured_fields();
  add_peak_rates(source->fields);
  source_ = std::move(source);
  implausible_told_ = false;
}

/// Sets rates_, or says why there are none.
void Accelerator::find_rates() {
  const std::string capability =
      std::to_string(identity_.compute_major) + "." + std::to_string(identity_.compute_minor);
  const SmRates* const rates = table_.rates(identity_.compute_major, identity_.compute_minor);
  rates_.reset();
  if (!identity_.has_pipes) {
    no_work_reason_ = "the device does not tell the activity of its pipes: " + identity_.no_pipes_reason;
  } else if (rates == nullptr) {
    no_work_reason_ = "rates of compute capability " + capability + " are not known";
  } else if (identity_.cores == 0) {
    no_work_reason_ = "the driver does not tell the number of cores";
  } else if (rates_ = pipe_rates(*rates, identity_.cores, config_.tensor_precision); !rates_) {
    no_work_reason_ = "compute capability " + capability +
                      " has no tensor rate for the configured tensor_precision " +
                      std::string(name_of(config_.tensor_precision));
  } else {
    no_work_reason_.clear();
  }
}

std::vector<Field> Accelerator::measured_fields() const {
  using enum Quantity;
  std::vector<Field> fields = {field(power, Wire::u32, milli), field(power_limit, Wire::u32, milli)};
  const EnergySource energy_comes_from = energy_source(identity_);
  if (energy_comes_from == EnergySource::counter) fields.push_back(field(energy, Wire::u64, milli));
  if (energy_comes_from == EnergySource::integrated) fields.push_back(field(energy, Wire::f64));
  fields.insert(fields.end(), {field(utilization, Wire::u8, percent), field(memory_used, Wire::u64),
                               field(memory_total, Wire::u64), field(core_clock, Wire::u32, mega),
                               field(temperature, Wire::i16)});
  if (identity_.has_pipes)
    for (const Place pipe : pipes) fields.push_back(field(pipe_active, Wire::f32, 1.0, pipe));
  if (rates_) {
    for (const Place place : {Place::fp64, Place::fp32, Place::fp16, assumed_place(config_.tensor_precision)})
      fields.push_back(field(pipe_work, Wire::f64, 1.0, place));
    fields.insert(fields.end(), {field(pipe_work, Wire::f64), field(pipe_work_low, Wire::f64),
                                 field(pipe_work_high, Wire::f64), field(pipe_work_spread, Wire::f64)});
  }
  if (estimate_rates_)
    fields.insert(fields.end(),
                  {field(estimated_work, Wire::f64, 1.0, assumed_place(config_.tensor_precision)),
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

std::optional<Work> Accelerator::increment(const DeviceReading& reading) {
  if (!rates_ || !reading.pipes) return std::nullopt;
  auto work = pipe_work(*rates_, *reading.pipes);
  if (!work || product_ == nullptr) return work;
  const auto beyond = beyond_peak(*work, reading.pipes->seconds, *product_, config_.tensor_precision);
  if (beyond.empty()) return work;
  if (!std::exchange(implausible_told_, true))
    log::warn(
        "work beyond the device's peak is taken as unknown: a rate of the table, or what the device tells, "
        "is wrong",
        {{"source", name_}, {"precision", std::string(beyond)}, {"model", identity_.name}});
  return std::nullopt;
}

/// Nothing of a time longer than the source may be silent: it was not seen.
std::optional<Work> Accelerator::estimated_increment(const DeviceReading& reading) const {
  const std::chrono::microseconds passed(reading.time.monotonic_us - newest_us_);
  if (newest_us_ == 0 || passed > source_->stale_after() || !reading.utilization_percent) return std::nullopt;
  return flopwatt::nvidia::estimated_work(*estimate_rates_, *reading.utilization_percent * percent,
                                          std::chrono::duration<double>(passed).count());
}

double Accelerator::integrated_energy(const DeviceReading& reading) {
  const double watts = reading.power_mw ? held_value(*reading.power_mw, milli) : absent;
  return energy_.advance(reading.time.monotonic_us, watts, source_->stale_after());
}

ReadingSet Accelerator::make_set(const DeviceReading& reading) {
  Values values(*source_);
  values.add(reading.power_mw);
  values.add(reading.power_limit_mw);
  if (source_->identity.energy_source == EnergySource::counter) values.add(reading.energy_mj);
  if (source_->identity.energy_source == EnergySource::integrated) values.add(integrated_energy(reading));
  values.add(reading.utilization_percent);
  values.add(reading.memory_used_bytes);
  values.add(reading.memory_total_bytes);
  values.add(reading.core_clock_mhz);
  values.add(reading.temperature_c);
  if (identity_.has_pipes)
    for (std::size_t i = 0; i < pipes.size(); ++i)
      values.add(reading.pipes ? static_cast<double>(static_cast<float>(reading.pipes->ratios[i])) : absent);
  if (rates_) add_work(values, work_.advance(increment(reading), reading.pipes_sampled));
  if (estimate_rates_)
    add_estimated_work(values, estimated_work_.advance(estimated_increment(reading), true));
  newest_us_ = reading.time.monotonic_us;
  for (const double rate : peak_rates_) values.add(rate);
  return ReadingSet{.source = source_,
                    .time = reading.time,
                    .half_duration_us = reading.half_duration_us,
                    .values = values.take()};
}

std::string Accelerator::why_absent(Channel channel) const {
  switch (channel.quantity) {
    case Quantity::energy:
      return why_no_energy(energy_source(identity_));
    case Quantity::work:
    case Quantity::method:
    case Quantity::pipe_work:
      return no_work_reason_;
    case Quantity::pipe_active:
      return identity_.no_pipes_reason;
    default:
      return "";
  }
}

}  // namespace flopwatt::nvidia
