#include "drivers/modbus/wire/connection.h"

#include "drivers/modbus/wire/serial_line.h"
#include "drivers/modbus/wire/tcp_connection.h"

namespace flopwatt::modbus {

void Connection::count(const Result<Answer>& result) {
  if (result)
    traffic_.turnaround +=
        std::chrono::microseconds(result->received.monotonic_us - result->sent.monotonic_us);
  else
    traffic_.failures.add(result.error().fault_class);
}

std::unique_ptr<Connection> make_connection(const boost::asio::any_io_executor& executor,
                                            const ModbusAddress& address, const SerialSettings& serial) {
  switch (address.transport) {
    case Transport::rtu:
      return std::make_unique<SerialLine>(executor, address, serial);
    case Transport::rtu_tcp:
      return std::make_unique<RtuTcpConnection>(executor, address);
    case Transport::tcp:
      break;
  }
  return std::make_unique<TcpConnection>(executor, address);
}

Fault transaction_fault(FaultClass fault_class, const ModbusAddress& address, const ReadRequest& request,
                        const std::string& outcome, int code) {
  return {fault_class,
          "reading registers " + std::to_string(request.address) + " to " +
              std::to_string(request.address + request.count - 1) + " (function " +
              std::to_string(static_cast<int>(request.function)) + ") of unit " +
              std::to_string(request.unit) + " at " + address.text() + ": " + outcome,
          code};
}

std::string milliseconds_text(std::chrono::microseconds duration) {
  return std::to_string(duration.count() / 1000) + " ms";
}

}  // namespace flopwatt::modbus
