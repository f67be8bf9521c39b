#include "config/parse_address.h"

#include <doctest/doctest.h>

using namespace flopwatt;

TEST_CASE("addresses of meters") {
  CHECK(parse_modbus_address("tcp://10.0.12.5").value == ModbusAddress{"10.0.12.5", 502});
  CHECK(parse_modbus_address("tcp://pdu_1.example:1502").value == ModbusAddress{"pdu_1.example", 1502});
  CHECK(parse_modbus_address("tcp://[fe80::1%eth0]:502").value == ModbusAddress{"fe80::1%eth0", 502});
  CHECK(parse_modbus_address("tcp://[::1]").value->text() == "tcp://[::1]:502");
  for (const char* bad :
       {"", "10.0.0.1", "tcp:10.0.0.1", "TCP://h", "tcp://", "tcp://:502", "tcp://h:0", "tcp://h:65536",
        "tcp://h:502/", "tcp://h x", "tcp://[::1", "tcp://[::1]502", "tcp://1.2.3", "http://h"}) {
    CAPTURE(bad);
    CHECK_FALSE(parse_modbus_address(bad).value);
  }
}

TEST_CASE("addresses of serial lines") {
  const auto line = parse_modbus_address("rtu:///dev/ttyUSB0").value;
  CHECK(line == ModbusAddress{"/dev/ttyUSB0", 0, Transport::rtu});
  CHECK(line->text() == "rtu:///dev/ttyUSB0");
  CHECK(parse_modbus_address("rtu:///dev/serial/by-id/usb-FTDI_1-if00").value->host ==
        "/dev/serial/by-id/usb-FTDI_1-if00");
  CHECK(parse_modbus_address("rtu:////dev/./x/../ttyUSB0").value == line);
  const auto server = parse_modbus_address("rtu+tcp://[::1]:4001").value;
  CHECK(server == ModbusAddress{"::1", 4001, Transport::rtu_tcp});
  CHECK(server->text() == "rtu+tcp://[::1]:4001");
  for (const char* bad : {"rtu://", "rtu://ttyUSB0", "rtu:/dev/ttyUSB0", "rtu:///", "rtu:///dev/a b",
                          "rtu+tcp://h", "rtu+tcp://", "rtu+tcp://h:0", "rtu+udp://h:1"}) {
    CAPTURE(bad);
    CHECK_FALSE(parse_modbus_address(bad).value);
  }
}

TEST_CASE("addresses of brokers") {
  CHECK(parse_broker_address("mqtt://broker.example").value->host == "broker.example");
  CHECK(parse_broker_address("mqtt://broker.example").value->port == 1883);
  CHECK(parse_broker_address("mqtt://[::1]:1884/").value->port == 1884);
  CHECK_FALSE(parse_broker_address("tcp://h").value);
  CHECK_FALSE(parse_broker_address("mqtt://h/topic").value);
  CHECK(parse_broker_address("mqtts://h").value->port == 8883);
  CHECK(parse_broker_address("mqtts://h:99").value->has_tls);
  CHECK_FALSE(parse_broker_address("mqtt://h").value->has_tls);
  // A password that somebody put there is not repeated.
  CHECK(parse_broker_address("mqtt://u:secret@h").advice.find("secret") == std::string::npos);
}

TEST_CASE("addresses to listen on") {
  CHECK(parse_listen_address(":10150").value->host.empty());
  CHECK(parse_listen_address(":10150").value->port == 10150);
  CHECK(parse_listen_address("127.0.0.1:9100").value->text() == "127.0.0.1:9100");
  CHECK(parse_listen_address("[::1]:9").value->text() == "[::1]:9");
  CHECK(parse_listen_address("localhost:9").value->host == "localhost");
  for (const char* bad :
       {"", "10150", ":", ":x", ":0", "::1:9", "[::1]", "127.0.0.1", "300.0.0.1:1", "tcp://:1"}) {
    CAPTURE(bad);
    CHECK_FALSE(parse_listen_address(bad).value);
  }
}
