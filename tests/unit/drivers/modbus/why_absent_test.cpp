#include "drivers/modbus/why_absent.h"

#include <doctest/doctest.h>

#include <array>

#include "rack.h"

using namespace flopwatt;
using namespace flopwatt::modbus;
using flopwatt::modbus_test::value_at;
using namespace std::chrono_literals;

namespace {

constexpr Channel energy{Quantity::energy_import, Place::whole, 0};
const SteadyTime asked_at{1000s};

// A meter with its energy at register 10, scaled by register 11, after one request.
struct Asked {
  std::vector<Register> registers{value_at(10, energy)};
  MeterValues values;
  AdaptiveReads reads;

  Asked() : values(with_factor()), reads(registers, {}, 10s) { reads.begin_round(asked_at, false); }

  const std::vector<Register>& with_factor() {
    ScaleRegister scale;
    scale.address = 11;
    scale.wire = Wire::u16;
    scale.use = ScaleRegister::Use::factor;
    registers[0].scaled_by = {scale};
    return registers;
  }
  void refuse(int code) {
    reads.failed(reads.next(asked_at).value(), {FaultClass::exception, "", code}, "it was refused", asked_at,
                 asked_at, 0);
  }
  void answer(std::uint8_t value, std::uint8_t factor) {
    const std::array<std::uint8_t, 4> bytes{value, value, factor, factor};
    const auto next = reads.next(asked_at).value();
    values.take(reads.reads()[next].planned.slots, bytes);
    reads.answered(next);
  }
  std::string why(Channel channel = energy) const { return why_absent(reads, values, channel, asked_at); }
};

}  // namespace

TEST_CASE("a value whose request failed is absent for the reason of that failure") {
  Asked meter;
  meter.refuse(11);
  CHECK(meter.why() == "it was refused");
}

TEST_CASE("of a request that is set aside it is said when it is sent again") {
  Asked meter;
  meter.refuse(2);
  CHECK(meter.why() ==
        "it was refused (it is asked for again after a new connection, at the latest in 60 min)");
}

TEST_CASE("of a value that was answered its register says why there is none") {
  Asked meter;
  SUBCASE("its factor is missing") {
    meter.answer(1, 0xFF);
    CHECK(meter.why() == "the scale register of register 10 (function 3) holds no valid factor");
  }
  SUBCASE("it is not available") {
    meter.answer(0xFF, 1);
    CHECK(meter.why() == "register 10 (function 3) holds the meter's mark for 'not available'");
  }
}

TEST_CASE("of a value that no meter can measure the value is told, and what to check") {
  std::vector<Register> registers{value_at(10, {Quantity::voltage, Place::l1, 0}, Wire::f32, 1000)};
  MeterValues values(registers);
  AdaptiveReads reads(registers, {}, 10s);
  reads.begin_round(asked_at, false);
  const auto next = reads.next(asked_at).value();
  values.take(reads.reads()[next].planned.slots,
              std::array<std::uint8_t, 4>{0x47, 0xC3, 0x50, 0});  // 100,000
  reads.answered(next);
  CHECK(
      why_absent(reads, values, registers[0].channel, asked_at) ==
      "register 10 (function 3) holds 1e+08 V, which is beyond what any site has (-1e+07 to 1e+07 V); check "
      "its address, type, word_order, scale and unit");
}

TEST_CASE("of a channel that the meter does not have nothing is known") {
  const Asked meter;
  CHECK(meter.why({Quantity::frequency, Place::whole, 0}).empty());
}
