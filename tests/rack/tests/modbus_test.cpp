// The meters read over TCP with libmodbus' client, with and without faults.
#include <doctest/doctest.h>
#include <unistd.h>

#include <chrono>
#include <filesystem>
#include <thread>

#include "commands.h"
#include "meter_server.h"
#include "tests/meter_client.h"

using namespace rack;

namespace {

struct Fixture {
  std::string path = "/tmp/rack-modbus-test-" + std::to_string(getpid());
  std::string script = std::string(RACK_LOADS) + "/two_meters.yml";
  Load load = load_file(script);
  StatePtr state = create_state(path, script);
  MeterServer server{{load, *state}, 0};
  ~Fixture() { std::filesystem::remove(path); }

  void run(const std::string& line) const { execute(words_of(line), load, *state); }
  const Endpoint& row() const { return server.endpoint_of(0); }
};

void pause(int milliseconds) { std::this_thread::sleep_for(std::chrono::milliseconds(milliseconds)); }

}  // namespace

TEST_CASE_FIXTURE(Fixture, "meters behind a gateway report the truth") {
  CHECK(row().port == server.endpoint_of(1).port);
  Client client(row());
  REQUIRE(client.connected);
  for (const int unit : {1, 2}) {
    const Meter& meter = load.meters[static_cast<std::size_t>(unit - 1)];
    const double before = state->now();
    const auto words = client.read(unit, 4, 70, 10);
    REQUIRE(words.size() == 10);
    const double offset = meter.energy_offset_j / 3.6e6;
    CHECK(f32(words, 2) >= doctest::Approx(offset + meter.power.integral(0, before) / 3.6e6).epsilon(1e-6));
    CHECK(f32(words, 2) <=
          doctest::Approx(offset + meter.power.integral(0, state->now()) / 3.6e6).epsilon(1e-6));
    CHECK(f32(words, 0) == doctest::Approx(50));
  }
  CHECK(client.read(3, 4, 70, 10).empty());
  CHECK(client.error == EMBXGTAR);
}

TEST_CASE_FIXTURE(Fixture, "an SDM630 refuses holes, halves and too much") {
  Client client(row());
  CHECK(client.read(1, 4, 0, 36).size() == 36);
  CHECK(client.read(1, 4, 0, 54).empty());
  CHECK(client.error == EMBXILADD);
  CHECK(client.read(2, 4, 0, 54).size() == 54);  // this one's holes read zero
  CHECK(client.read(2, 4, 350, 20).empty());
  CHECK(client.read(1, 4, 1, 2).empty());
  CHECK(client.error == EMBXILADD);
  CHECK(client.read(2, 4, 0, 82).empty());
  CHECK(client.error == EMBXILVAL);
  const auto serial = client.read(1, 3, 64512, 2);
  REQUIRE(serial.size() == 2);
  CHECK((std::uint32_t{serial[0]} << 16 | serial[1]) == 63000000);
}

TEST_CASE_FIXTURE(Fixture, "raw registers are what the script says") {
  Client client(server.endpoint_of(2));
  CHECK(client.read(3, 3, 0, 1) == std::vector<std::uint16_t>{4711});
  CHECK(client.read(3, 4, 0, 1).empty());
  CHECK(client.error == EMBXILFUN);
  const auto words = client.read(3, 3, 10, 8);
  REQUIRE(words.size() == 8);
  CHECK(f32(words, 0) == doctest::Approx(load.meters[2].power.value(state->now()) / 1000).epsilon(0.6));
  CHECK((std::uint32_t{words[4]} << 16 | words[5]) == 12500);
  CHECK((std::uint32_t{words[7]} << 16 | words[6]) == 1250);
}

namespace {

struct Spoilt {
  const char* command;
  int error;  // what libmodbus' client makes of it
};

}  // namespace

TEST_CASE_FIXTURE(Fixture, "faults spoil answers and can be taken back") {
  const auto try_read = [&] {
    Client client(row());
    const auto words = client.read(1, 4, 52, 2);
    return words.empty() ? client.error : 0;
  };
  for (const Spoilt& fault : {Spoilt{"silent", ETIMEDOUT},
                              {"late 400", ETIMEDOUT},
                              {"truncate", ETIMEDOUT},
                              {"wrong_tid", EMBBADDATA},
                              {"close", ECONNRESET},
                              {"exception 6", EMBXSBUSY},
                              {"exception 200", EMBBADEXC},
                              {"refuse", EBADF}}) {
    INFO(fault.command);
    CHECK(try_read() == 0);
    run(std::string("meter feed-a ") + fault.command);
    pause(60);  // a refusal takes a tick
    CHECK(try_read() == fault.error);
    run("clear");
    pause(60);
  }
}

TEST_CASE_FIXTURE(Fixture, "faults change the bytes they name") {
  const Frame right = {0, 7, 0, 0, 0, 7, 1, 4, 4, 1, 2, 3, 4};
  const auto spoilt = [&](const char* fault) {
    run(std::string("meter feed-a ") + fault);
    Frame frame = right;
    spoil(frame, state->meters[0]);
    run("clear");
    return frame;
  };
  CHECK(spoilt("wrong_unit") == Frame{0, 7, 0, 0, 0, 7, 2, 4, 4, 1, 2, 3, 4});
  CHECK(spoilt("wrong_tid") == Frame{0, 8, 0, 0, 0, 7, 1, 4, 4, 1, 2, 3, 4});
  CHECK(spoilt("length") == Frame{0, 7, 0, 0, 0xFF, 0xFF, 1, 4, 4, 1, 2, 3, 4});
  CHECK(spoilt("truncate") == Frame{0, 7, 0, 0, 0, 7});
  CHECK(spoilt("trailing").size() == right.size() + 4);
  CHECK(spoilt("silent") == right);
}

TEST_CASE_FIXTURE(Fixture, "faults of one unit leave the other alone") {
  Client client(row());
  run("meter feed-a silent");
  CHECK(client.read(1, 4, 52, 2).empty());
  CHECK(client.read(2, 4, 52, 2).size() == 2);
}

TEST_CASE_FIXTURE(Fixture, "a late answer still comes") {
  Client client(row());
  run("meter feed-a late 300");
  CHECK(client.read(1, 4, 52, 2).empty());
  run("meter feed-a late off");
  pause(200);
  // The late answer stands in the way of this one: its transaction id is the last request's.
  CHECK(client.read(1, 4, 52, 2).empty());
  CHECK(client.error == EMBBADDATA);
}

TEST_CASE_FIXTURE(Fixture, "a dripping meter answers byte by byte") {
  Client client(row());
  run("meter feed-a drip 20");
  const auto before = std::chrono::steady_clock::now();
  CHECK(client.read(1, 4, 52, 2).size() == 2);
  CHECK(std::chrono::steady_clock::now() - before >= std::chrono::milliseconds(12 * 20));
}

TEST_CASE_FIXTURE(Fixture, "a reset counter starts at 0 and a frozen meter stands still") {
  Client client(row());
  run("meter feed-a counter_reset on");
  pause(120);
  const double since = f32(client.read(1, 4, 72, 2), 0) * 3.6e6;
  CHECK(since > 0);
  CHECK(since < 10'000);
  run("meter feed-b freeze on");
  const auto frozen = client.read(2, 4, 72, 2);
  const auto power = client.read(2, 4, 52, 2);
  pause(120);
  CHECK(client.read(2, 4, 72, 2) == frozen);
  CHECK(client.read(2, 4, 52, 2) == power);
  run("meter feed-b freeze off");
  CHECK(client.read(2, 4, 52, 2) != power);
}

TEST_CASE_FIXTURE(Fixture, "many reconnects do no harm") {
  for (int i = 0; i < 500; ++i) {
    Client client(row());
    REQUIRE(client.connected);
    if (i % 3 == 0) REQUIRE(client.read(1, 4, 52, 2).size() == 2);
  }
}
