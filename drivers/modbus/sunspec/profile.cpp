#include "drivers/modbus/sunspec/profile.h"

#include <array>
#include <string>

namespace flopwatt::modbus {
namespace {

// One point of the meter models: offsets from the ID register.
struct Point {
  Quantity quantity;
  Place place;
  std::uint16_t integer, scale_factor;  // by model_201.json to model_204.json
  std::uint16_t floating;               // by model_211.json to model_214.json
};

// What is published of them. Totals of current and means of voltage follow from the phases.
constexpr std::array points = {
    Point{Quantity::energy_import, Place::whole, 46, 54, 68},
    Point{Quantity::energy_export, Place::whole, 38, 54, 60},
    Point{Quantity::active_power, Place::whole, 18, 22, 28},
    Point{Quantity::active_power, Place::l1, 19, 22, 30},
    Point{Quantity::active_power, Place::l2, 20, 22, 32},
    Point{Quantity::active_power, Place::l3, 21, 22, 34},
    Point{Quantity::apparent_power, Place::whole, 23, 27, 36},
    Point{Quantity::reactive_power, Place::whole, 28, 32, 44},
    Point{Quantity::power_factor, Place::whole, 33, 37, 52},
    Point{Quantity::frequency, Place::whole, 16, 17, 26},
    Point{Quantity::voltage, Place::l1, 8, 15, 12},
    Point{Quantity::voltage, Place::l2, 9, 15, 14},
    Point{Quantity::voltage, Place::l3, 10, 15, 16},
    Point{Quantity::voltage, Place::l1_l2, 12, 15, 20},
    Point{Quantity::voltage, Place::l2_l3, 13, 15, 22},
    Point{Quantity::voltage, Place::l3_l1, 14, 15, 24},
    Point{Quantity::current, Place::l1, 3, 6, 4},
    Point{Quantity::current, Place::l2, 4, 6, 6},
    Point{Quantity::current, Place::l3, 5, 6, 8},
};

int phases_needed(Place place) {
  switch (place) {
    case Place::l2:
    case Place::l1_l2:
      return 2;
    case Place::l3:
    case Place::l2_l3:
    case Place::l3_l1:
      return 3;
    default:
      return 1;
  }
}

Register register_of(const Point& point, const SunSpecModel& model, bool integer, ReadFunction function) {
  const auto at = [&](std::uint16_t offset) { return static_cast<std::uint16_t>(model.address + offset); };
  Register reg;
  reg.channel = {.quantity = point.quantity, .place = point.place};
  reg.function = static_cast<std::uint8_t>(function);
  if (!integer) {
    reg.address = at(point.floating);
    reg.wire = Wire::f32;
    return reg;
  }
  const bool energy = point.quantity == Quantity::energy_import || point.quantity == Quantity::energy_export;
  reg.address = at(point.integer);
  reg.wire = energy ? Wire::u32 : Wire::i16;  // the types acc32 and int16 of the models
  if (energy) reg.unavailable = {0};          // so an accumulator says that it is not implemented
  // Defined in per cent; several devices give the cosine.
  reg.percent_above_one = point.quantity == Quantity::power_factor;
  ScaleRegister scale;
  scale.address = at(point.scale_factor);
  scale.function = reg.function;
  reg.scaled_by = {scale};
  return reg;
}

// The `number`th meter model, and how many model 1s stand before it.
struct FoundMeter {
  SunSpecModel model;
  std::size_t commons = 0;
};

std::optional<FoundMeter> find_meter(const SunSpecDevice& device, std::size_t number) {
  std::size_t meters = 0;
  FoundMeter found;
  for (const SunSpecModel& model : device.models) {
    if (model.id == sunspec_common_id) ++found.commons;
    if (!model.is_meter() || ++meters != number) continue;
    found.model = model;
    return found;
  }
  return std::nullopt;
}

}  // namespace

std::optional<SunSpecCommon> sunspec_common(const SunSpecDevice& device, std::size_t number) {
  const auto meter = find_meter(device, number);
  if (!meter) return std::nullopt;
  if (meter->commons > 1 && meter->commons - 2 < device.parts.size()) return device.parts[meter->commons - 2];
  return SunSpecCommon{device.manufacturer, device.model, device.options, device.version, device.serial};
}

std::optional<MeterProfile> sunspec_profile(const SunSpecDevice& device, std::size_t number) {
  const auto meter = find_meter(device, number);
  if (!meter) return std::nullopt;
  const SunSpecMeterKind kind = meter->model.meter_kind().value();
  const SunSpecCommon common = sunspec_common(device, number).value();
  MeterProfile profile;
  profile.id = "sunspec";
  profile.vendor = common.manufacturer;
  profile.model = common.model;
  profile.kind = "power-meter";
  profile.sources = {"the device's own SunSpec model " + std::to_string(meter->model.id) + " at register " +
                     std::to_string(meter->model.address)};
  // The points that are not read lie in between and are readable: a model is one piece.
  profile.limits.max_hole = max_registers_per_request;
  for (const Point& point : points)
    if (phases_needed(point.place) <= kind.phases)
      profile.registers.push_back(register_of(point, meter->model, kind.integer, device.function));
  return profile;
}

}  // namespace flopwatt::modbus
