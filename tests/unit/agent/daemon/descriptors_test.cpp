#include "agent/daemon/descriptors.h"

#include <doctest/doctest.h>

using namespace flopwatt;
using namespace flopwatt::daemon;

TEST_CASE("HTTP clients get the descriptors that meters and the rest of the agent leave") {
  CHECK(http_connections(1024, 20) == 256);
  CHECK(http_connections(1024, 704) == 256);  // the last one with all
  CHECK(http_connections(1024, 705) == 255);
  CHECK(http_connections(1024, 900) == 60);  // what the unit's comment says of its LimitNOFILE=
  CHECK(http_connections(400, 300) == 36);
  CHECK(http_connections(256, 300) == 8);
  CHECK(http_connections(64, 0) == 8);
  CHECK(http_connections(1U << 30U, 0) == 256);
}

TEST_CASE("meters behind one address share a connection, and a serial line needs none") {
  Config config;
  for (const char* host : {"10.0.0.1", "10.0.0.1", "10.0.0.2"}) {
    MeterConfig meter;
    meter.address = {host, 502, Transport::tcp};
    config.meters.push_back(meter);
  }
  MeterConfig serial;
  serial.address.host = "/dev/ttyUSB0";
  serial.address.port = 0;
  config.meters.push_back(serial);
  CHECK(meter_connections(config) == 2);
}
