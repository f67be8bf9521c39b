#include "drivers/modbus/registers/meter_values.h"

#include <doctest/doctest.h>

#include "rack.h"
#include "readings/reading_set.h"

using namespace flopwatt;
using namespace flopwatt::modbus;
using flopwatt::modbus_test::value_at;

namespace {

using Role = ReadSlot::Role;
using Bytes = std::vector<std::uint8_t>;

std::vector<double> written(const MeterValues& values) {
  std::vector<double> all(values.registers().size(), 12345);
  values.write(all);
  return all;
}

}  // namespace

TEST_CASE("a value is the number, less another, times its factors") {
  Register plain = value_at(0, {Quantity::voltage, Place::l1, 0}, Wire::u16, 0.1);
  Register net = value_at(1, {Quantity::active_power, Place::whole, 0});
  net.minus = std::uint16_t{2};
  Register scaled = value_at(3, {Quantity::energy_import, Place::whole, 0});
  scaled.scaled_by.resize(2);
  scaled.scaled_by[0].use = ScaleRegister::Use::exponent;
  scaled.scaled_by[1].use = ScaleRegister::Use::factor;
  MeterValues values({plain, net, scaled});
  for (const double value : written(values)) CHECK_FALSE(is_known(value));
  CHECK_FALSE(values.factors_changed());

  values.take(
      std::vector<ReadSlot>{
          {0, 0, Role::value, 0}, {1, 1, Role::value, 0}, {2, 1, Role::minus, 0}, {3, 2, Role::value, 0}},
      Bytes{8, 252, 0, 100, 0, 30, 0, 7});
  CHECK(written(values)[0] == 230);
  CHECK(written(values)[1] == 70);
  CHECK_FALSE(is_known(written(values)[2]));
  CHECK(values.lacks_factor(2));
  CHECK_FALSE(values.lacks_factor(0));
  CHECK_FALSE(values.factors_changed());

  const std::vector<ReadSlot> factors{{0, 2, Role::scale, 0}, {1, 2, Role::scale, 1}};
  values.take(factors, Bytes{0, 2, 0, 40});
  CHECK(written(values)[2] == 28000);
  CHECK(values.fields()[2].scale == 1);
  CHECK(values.factors_changed());
  CHECK_FALSE(values.factors_changed());
  CHECK(values.fields()[2].scale == 4000);
  CHECK(values.fields()[0].scale == 0.1);

  values.begin();
  for (const double value : written(values)) CHECK_FALSE(is_known(value));
  values.take(std::vector<ReadSlot>{{0, 2, Role::value, 0}}, Bytes{0, 1});
  CHECK(written(values)[2] == 4000);  // factors hold
  CHECK_FALSE(values.factors_changed());
}

TEST_CASE("a difference of which one part is not known is not known") {
  Register net = value_at(1, {Quantity::active_power, Place::whole, 0});
  net.minus = std::uint16_t{2};
  MeterValues values({net});
  values.take(std::vector<ReadSlot>{{0, 0, Role::value, 0}, {1, 0, Role::minus, 0}}, Bytes{0, 1, 255, 255});
  CHECK_FALSE(is_known(written(values)[0]));
}

TEST_CASE("a value that no meter can measure is absent, however often it comes") {
  const std::vector<ReadSlot> slots{{0, 0, Role::value, 0}, {2, 1, Role::value, 0}, {4, 2, Role::value, 0}};
  MeterValues values({value_at(0, {Quantity::active_power, Place::whole, 0}, Wire::f32),
                      value_at(2, {Quantity::frequency, Place::whole, 0}, Wire::f32),
                      value_at(4, {Quantity::power_factor, Place::whole, 0}, Wire::u16)});
  for (int poll = 0; poll < 3; ++poll) {
    values.begin();
    values.take(slots, Bytes{0x7F, 0x7F, 0xFF, 0xFE, 0x42, 0x48, 0, 0, 0, 98});
    CHECK_FALSE(is_known(written(values)[0]));
    CHECK(values.told(0) > 3.4e38);
    CHECK(written(values)[1] == 50);  // the others are not touched by it
    CHECK_FALSE(is_known(written(values)[2]));
    CHECK(values.told(2) == 98);
  }
  values.begin();
  values.take(slots, Bytes{0xC5, 0x1C, 0x40, 0, 0, 0, 0, 0, 0, 1});
  CHECK(written(values)[0] == -2500);
  CHECK(written(values)[1] == 0);
  CHECK(written(values)[2] == 1);
}
