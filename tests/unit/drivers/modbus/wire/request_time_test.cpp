#include "drivers/modbus/wire/request_time.h"

#include <doctest/doctest.h>

using namespace flopwatt;
using namespace flopwatt::modbus;
using namespace std::chrono_literals;

namespace {

MeterConfig on_line(std::uint32_t baud, Parity parity) {
  MeterConfig meter;
  meter.address = {"/dev/ttyS0", 0, Transport::rtu};
  meter.serial = {.baud = baud, .parity = parity, .stop_bits = 1};
  meter.timeout = 500ms;
  meter.timeout_grows = true;
  return meter;
}

double ms(microseconds time) { return std::chrono::duration<double, std::milli>(time).count(); }

}  // namespace

TEST_CASE("the time of an exchange is that of the formula") {
  const SerialSettings slow{.baud = 9600, .parity = Parity::even, .stop_bits = 1};
  CHECK(ms(exchange_time(slow, 1)) == doctest::Approx(25.2).epsilon(0.005));
  CHECK(ms(exchange_time(slow, 80)) == doctest::Approx(206.2).epsilon(0.005));
  const SerialSettings fast{.baud = 115200};
  CHECK(ms(exchange_time(fast, 125)) == doctest::Approx(26.3).epsilon(0.005));
}

TEST_CASE("where no timeout is configured it grows with the bytes") {
  MeterConfig meter = on_line(9600, Parity::even);
  CHECK(ms(answer_timeout(meter, 1)) == doctest::Approx(525.2).epsilon(0.001));
  CHECK(ms(answer_timeout(meter, 125)) == doctest::Approx(809.4).epsilon(0.001));
  meter.timeout_grows = false;
  CHECK(answer_timeout(meter, 125) == 500ms);
}

TEST_CASE("an answer that is not expected is waited for as long as one usually takes") {
  MeterConfig meter = on_line(9600, Parity::even);
  CHECK(short_timeout(meter, 80, 0ms) == answer_timeout(meter, 80));  // what it needs is not known
  CHECK(ms(short_timeout(meter, 80, 9ms)) == doctest::Approx(206.2 + 40 + 16).epsilon(0.005));
  CHECK(short_timeout(meter, 80, 200ms) == 400ms);  // it is known to be slower
  CHECK(short_timeout(meter, 80, 2s) == answer_timeout(meter, 80));
  // Behind TCP there may be a line of 9600 baud, 10 bits a character.
  meter.address = {"10.0.0.1"};
  CHECK(ms(short_timeout(meter, 80, 9ms)) == doctest::Approx(188.2 + 40 + 10).epsilon(0.005));
  meter.timeout = 100ms;
  meter.timeout_grows = false;
  CHECK(short_timeout(meter, 80, 9ms) == 100ms);
}
