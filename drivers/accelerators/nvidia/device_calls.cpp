#include "drivers/accelerators/nvidia/device_calls.h"

#include <array>
#include <utility>

namespace flopwatt::nvidia {
namespace {

using abi::Return;
using accelerators::Figure;

std::optional<std::uint64_t> integer_of(const abi::FieldValue& field) {
  switch (field.value_type) {
    case abi::ValueType::u32:
      return field.value.u32;
    case abi::ValueType::u16:
      return field.value.u16;
    case abi::ValueType::ulong:
    case abi::ValueType::u64:
      return field.value.u64;
    case abi::ValueType::i64:
      return field.value.i64 < 0 ? std::nullopt : std::optional<std::uint64_t>(field.value.u64);
    case abi::ValueType::i32:
      return field.value.i32 < 0 ? std::nullopt : std::optional<std::uint64_t>(field.value.u32);
    case abi::ValueType::f64:
      break;
  }
  return std::nullopt;
}

template <auto Member>
double number_of(const NvmlReading& reading) {
  const auto& number = reading.*Member;
  return number ? static_cast<double>(*number) : absent;
}

/// A figure, and where its number stands in a reading.
struct Row {
  const char* key;
  Quantity quantity;
  Wire wire;
  double scale;
  double (*number)(const NvmlReading&);
};

constexpr double milli = 1e-3, mega = 1e6, percent = 0.01;

/// In the order of quantity.h.
constexpr auto rows = std::to_array<Row>({
    {"power_mw", Quantity::power, Wire::u32, milli, number_of<&NvmlReading::power_mw>},
    {"power_limit_mw", Quantity::power_limit, Wire::u32, milli, number_of<&NvmlReading::power_limit_mw>},
    {"energy_mj", Quantity::energy, Wire::u64, milli, number_of<&NvmlReading::energy_mj>},
    {"utilization_percent", Quantity::utilization, Wire::u8, percent,
     number_of<&NvmlReading::utilization_percent>},
    {"memory_used_bytes", Quantity::memory_used, Wire::u64, 1.0, number_of<&NvmlReading::memory_used_bytes>},
    {"memory_total_bytes", Quantity::memory_total, Wire::u64, 1.0,
     number_of<&NvmlReading::memory_total_bytes>},
    {"core_clock_mhz", Quantity::core_clock, Wire::u32, mega, number_of<&NvmlReading::core_clock_mhz>},
    {"temperature_c", Quantity::temperature, Wire::i16, 1.0, number_of<&NvmlReading::temperature_c>},
});

bool is_offered(Return code) { return code != Return::not_supported && code != Return::function_not_found; }

}  // namespace

bool is_down(Return code) { return code == Return::gpu_is_lost || code == Return::reset_required; }

bool is_broken(Return code) {
  return code == Return::uninitialized || code == Return::driver_not_loaded ||
         code == Return::lib_rm_version_mismatch;
}

std::vector<Figure> figures(bool with_energy) {
  std::vector<Figure> all;
  for (const Row& row : rows)
    if (with_energy || row.quantity != Quantity::energy)
      all.push_back({row.key, {.channel = {.quantity = row.quantity}, .wire = row.wire, .scale = row.scale}});
  return all;
}

std::vector<double> numbers(const NvmlReading& reading, bool with_energy) {
  std::vector<double> all;
  for (const Row& row : rows)
    if (with_energy || row.quantity != Quantity::energy) all.push_back(row.number(reading));
  return all;
}

void DeviceCalls::read_energy_and_power() {
  std::array<abi::FieldValue, 2> fields = {abi::FieldValue{.field_id = abi::field_total_energy},
                                           abi::FieldValue{.field_id = abi::field_power_instant}};
  const Return asked = functions_.device_get_field_values(device_, fields.size(), fields.data());
  if (asked == Return::success) {
    reading.energy_mj = value_of(fields[0]);
    if (reading.energy_mj) stamp_us_ = fields[0].timestamp_us;
    if (const auto power = value_of(fields[1]); power && std::in_range<std::uint32_t>(*power))
      reading.power_mw = static_cast<std::uint32_t>(*power);
  } else {
    note(asked);
  }
  if (!reading.energy_mj) {
    std::uint64_t energy = 0;
    const Return code = functions_.device_get_total_energy_consumption(device_, &energy);
    if (ok(code)) reading.energy_mj = energy;
    has_energy_counter_ = is_offered(code);
  }
  if (!reading.power_mw) {
    unsigned power = 0;
    const Return code = functions_.device_get_power_usage(device_, &power);
    if (ok(code)) reading.power_mw = power;
    has_power_ = is_offered(code);
  }
}

void DeviceCalls::read_clock() {
  unsigned mhz = 0;
  if (ok(functions_.device_get_clock_info(device_, abi::clock_sm, &mhz))) reading.core_clock_mhz = mhz;
}

void DeviceCalls::read_the_rest() {
  if (fatal_ != Return::success) return;
  reading.power_limit_mw = number(functions_.device_get_enforced_power_limit);
  abi::Utilization use{};
  if (ok(functions_.device_get_utilization_rates(device_, &use)) && use.gpu <= 100)
    reading.utilization_percent = static_cast<std::uint8_t>(use.gpu);
  abi::Memory memory{};
  if (ok(functions_.device_get_memory_info(device_, &memory))) {
    reading.memory_used_bytes = memory.used;
    reading.memory_total_bytes = memory.total;
  }
  read_temperature();
}

void DeviceCalls::read_temperature() {
  // The old call is deprecated but everywhere; it tells no negative temperatures.
  unsigned celsius = 0;
  abi::Temperature temperature;
  const bool old = functions_.device_get_temperature.exists();
  if (!ok(old ? functions_.device_get_temperature(device_, abi::temperature_sensor_gpu, &celsius)
              : functions_.device_get_temperature_v(device_, &temperature)))
    return;
  const std::int64_t value = old ? std::int64_t{celsius} : std::int64_t{temperature.celsius};
  if (std::in_range<std::int16_t>(value)) reading.temperature_c = static_cast<std::int16_t>(value);
}

void DeviceCalls::note(Return code) {
  if (code == Return::success) ++known_;
  if (is_down(code) || is_broken(code)) fatal_ = code;
  if (is_offered(code) && first_ == Return::success) first_ = code;
}

Return DeviceCalls::failure() const {
  if (fatal_ != Return::success) return fatal_;
  if (known_ > 0) return Return::success;
  return first_ == Return::success ? Return::not_supported : first_;
}

bool DeviceCalls::ok(Return code) {
  note(code);
  return code == Return::success;
}

std::optional<std::uint64_t> DeviceCalls::value_of(const abi::FieldValue& field) {
  const auto value = field.status == Return::success ? integer_of(field) : std::nullopt;
  const bool empty = field.status == Return::success && !value;
  note(empty ? Return::not_supported : field.status);
  return value;
}

std::optional<std::uint32_t> DeviceCalls::number(const Function<abi::Device, unsigned*>& function) {
  unsigned value = 0;
  return ok(function(device_, &value)) ? std::optional<std::uint32_t>(value) : std::nullopt;
}

}  // namespace flopwatt::nvidia
