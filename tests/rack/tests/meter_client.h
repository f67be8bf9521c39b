// A Modbus client that is not ours: libmodbus.
#pragma once

#include <modbus.h>

#include <cerrno>
#include <cstdint>
#include <vector>

#include "connection.h"

namespace rack {

struct Client {
  explicit Client(const Endpoint& endpoint) : context(modbus_new_tcp("127.0.0.1", endpoint.port)) {
    modbus_set_response_timeout(context.get(), 0, 200'000);
    connected = modbus_connect(context.get()) == 0;
  }
  ~Client() { modbus_close(context.get()); }

  // The words, or none where libmodbus reports an error, which `error` then holds.
  std::vector<std::uint16_t> read(int unit, int function, int address, int count) {
    std::vector<std::uint16_t> words(static_cast<std::size_t>(count));
    modbus_set_slave(context.get(), unit);
    const int n = function == 4 ? modbus_read_input_registers(context.get(), address, count, words.data())
                                : modbus_read_registers(context.get(), address, count, words.data());
    error = n < 0 ? errno : 0;
    words.resize(n < 0 ? 0 : static_cast<std::size_t>(n));
    return words;
  }

  ModbusContext context;
  bool connected = false;
  int error = 0;
};

inline double f32(const std::vector<std::uint16_t>& words, std::size_t at) {
  std::uint16_t pair[2] = {words.at(at), words.at(at + 1)};
  return modbus_get_float_abcd(pair);
}

}  // namespace rack
