#include "drivers/modbus/wire/request_time.h"

#include <algorithm>

#include "config/profiles/serial_time.h"
#include "drivers/modbus/wire/rtu.h"

namespace flopwatt::modbus {

using std::chrono::microseconds;

microseconds exchange_time(const SerialSettings& settings, std::uint16_t count) {
  return 2 * frame_silence(settings) +
         wire_time(settings, rtu_request_size + rtu_answer_size({.count = count}));
}

microseconds answer_timeout(const MeterConfig& meter, std::uint16_t count) {
  return meter.timeout + (meter.timeout_grows ? exchange_time(meter.serial, count) : microseconds(0));
}

microseconds short_timeout(const MeterConfig& meter, std::uint16_t count, microseconds slowest) {
  if (slowest.count() == 0) return answer_timeout(meter, count);
  const bool serial = meter.address.transport == Transport::rtu;
  const microseconds usual = exchange_time(serial ? meter.serial : SerialSettings{}, count) +
                             assumed_serial_latency + (serial ? adapter_latency : assumed_latency);
  return std::min(answer_timeout(meter, count), std::max(usual, 2 * slowest));
}

}  // namespace flopwatt::modbus
