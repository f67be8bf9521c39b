#include "drivers/modbus/meter.h"

#include <doctest/doctest.h>

#include "drivers/modbus/request_time.h"
#include "rack.h"

using namespace flopwatt;
using namespace flopwatt::modbus;
using namespace std::chrono_literals;

TEST_CASE("the source says what the configuration says") {
  MeterConfig config;
  config.name = "pdu-a";
  config.interval = 1s;
  config.feed = "A";
  config.accuracy = {0.5, 0.2, false};
  config.profile.id = "eastron-sdm630";
  config.profile.vendor = "Eastron";
  config.profile.model = "SDM630";
  config.profile.registers = {
      modbus_test::value_at(52, {Quantity::active_power, Place::whole, 0}, Wire::f32, 1000),
      modbus_test::value_at(2, {Quantity::voltage, Place::l2, 0}, Wire::u16, 0.1)};
  config.profile.registers[1].resolution = 0.5;

  const SourcePtr source = make_source(config, 300ms);
  CHECK(source->kind == SourceKind::meter);
  CHECK(source->name == "pdu-a");
  CHECK(source->identity == Identity{.vendor = "Eastron",
                                     .model = "SDM630",
                                     .serial = "",
                                     .profile = "eastron-sdm630",
                                     .accuracy_class = "0.5",
                                     .feed = "A",
                                     .uuid = "",
                                     .pci = "",
                                     .driver = "",
                                     .energy_source = EnergySource::none});
  CHECK(source->interval == 1s);
  CHECK(source->effective_period == 1s);
  CHECK(source->accuracy == doctest::Approx(0.005));
  CHECK(source->ct_accuracy == doctest::Approx(0.002));
  CHECK(source->refresh == 0s);
  REQUIRE(source->fields.size() == 2);
  CHECK(source->fields[0] == Field{{Quantity::active_power, Place::whole, 0}, Wire::f32, 1000, 0});
  CHECK(source->fields[1] == Field{{Quantity::voltage, Place::l2, 0}, Wire::u16, 0.1, 0.5});

  CHECK(make_source(config, 5s)->effective_period == 5s);
  config.accuracy = {};
  CHECK(make_source(config, 0s)->accuracy == doctest::Approx(0.02));
  CHECK(make_source(config, 0s)->identity.accuracy_class.empty());
}

namespace {

// Nobody answers on it.
struct DeadLine final : modbus::Connection {
  std::vector<microseconds> timeouts{};

  awaitable<void> watch() override { co_return; }
  awaitable<Result<Answer>> read(const ReadRequest&, const ReadOptions& options) override {
    timeouts.push_back(options.timeout);
    co_return Fault{FaultClass::timeout, "no answer", 0};
  }
  void close() override {}
  SteadyTime retry_at() const override { return {}; }
};

awaitable<void> poll_and_fail(Meter& meter, DeadLine& line, int times) {
  for (int i = 0; i < times; ++i) {
    const auto set = co_await meter.poll(line);
    REQUIRE((set && !*set));
    meter.failed(set->error(), std::chrono::steady_clock::now(), {}, true);
  }
}

}  // namespace

TEST_CASE("a dead unit costs one request a poll, once quarantined a short one, each fifth time a whole one") {
  MeterConfig config;
  config.interval = 1s;
  config.address = {"/dev/ttyS0", 0, Transport::rtu};
  config.timeout = 500ms;
  config.timeout_grows = true;
  config.profile.registers = {modbus_test::value_at(0, {Quantity::energy_import, Place::whole, 0}, Wire::f32),
                              modbus_test::value_at(500, {Quantity::active_power, Place::whole, 0})};
  const SteadyTime now = std::chrono::steady_clock::now();
  Meter meter(config, make_source(config, 0s), 0, Beats(1s, 0s, now));
  DeadLine line;
  asio::io_context io;
  std::exception_ptr failure;
  asio::co_spawn(io, poll_and_fail(meter, line, 7),
                 [&](const std::exception_ptr& thrown) { failure = thrown; });
  io.run();
  CHECK(failure == nullptr);
  const auto whole = answer_timeout(config, 2);
  const auto brief = short_timeout(config, 2, 0s);
  CHECK(brief < whole / 4);
  CHECK(line.timeouts == std::vector<microseconds>{whole, whole, whole, brief, brief, whole, brief});
  CHECK(meter.due() >= now + 60s);
}
