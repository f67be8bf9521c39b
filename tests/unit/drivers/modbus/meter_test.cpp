#include "drivers/modbus/meter.h"

#include <doctest/doctest.h>

#include "drivers/modbus/wire/request_time.h"
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
  config.profile.refresh = 30s;

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
  CHECK(source->refresh == 30s);
  REQUIRE(source->fields.size() == 2);
  CHECK(source->fields[0] == Field{{Quantity::active_power, Place::whole, 0}, Wire::f32, 1000, 0});
  CHECK(source->fields[1] == Field{{Quantity::voltage, Place::l2, 0}, Wire::u16, 0.1, 0.5});

  CHECK(make_source(config, 5s)->effective_period == 5s);
  config.accuracy = {};
  CHECK(make_source(config, 0s)->accuracy == doctest::Approx(0.02));
  CHECK(make_source(config, 0s)->identity.accuracy_class.empty());
}

namespace {

// Its unit answers the first `answers` requests within 1 ms, and no more.
struct DyingLine final : modbus::Connection {
  int answers = 0;
  std::vector<microseconds> timeouts{};
  std::vector<std::uint8_t> zeros = std::vector<std::uint8_t>(250);

  awaitable<void> watch() override { co_return; }
  awaitable<Result<Answer>> read(const ReadRequest& request, const ReadOptions& options) override {
    timeouts.push_back(options.timeout);
    if (answers-- > 0) co_return Answer{{0, 0}, {1000, 1000}, std::span(zeros).first(2U * request.count)};
    co_return Fault{FaultClass::timeout, "no answer within " + milliseconds_text(options.timeout), 0};
  }
  void close() override {}
  SteadyTime retry_at() const override { return {}; }
};

awaitable<void> poll_times(Meter& meter, DyingLine& line, int times, std::vector<std::string>& faults) {
  for (int i = 0; i < times; ++i) {
    const PollStep step = co_await meter.poll(line);
    const auto* poll = std::get_if<PollEnded>(&step);
    REQUIRE(poll != nullptr);
    const auto now = std::chrono::steady_clock::now();
    if (poll->set)
      meter.succeeded(now);
    else
      faults.push_back(meter.failed(poll->set.error(), now, {}, true).message);
  }
}

// A meter on a shared serial line, polled 8 times.
struct Polled {
  MeterConfig config{};
  DyingLine line{};
  std::vector<std::string> faults{};
  SteadyTime begin = std::chrono::steady_clock::now();
  SteadyTime due{};

  explicit Polled(int answers) {
    config.name = "pdu";
    config.interval = 1s;
    config.address = {"/dev/ttyS0", 0, Transport::rtu};
    config.timeout = 500ms;
    config.timeout_grows = true;
    config.profile.registers = {
        modbus_test::value_at(0, {Quantity::energy_import, Place::whole, 0}, Wire::f32),
        modbus_test::value_at(500, {Quantity::active_power, Place::whole, 0}, Wire::f32)};
    line.answers = answers;
    Meter meter(config, make_source(config, 0s), 0, Beats(1s, 0s, Pace::steady, begin));
    asio::io_context io;
    std::exception_ptr failure;
    asio::co_spawn(io, poll_times(meter, line, 8, faults),
                   [&](const std::exception_ptr& thrown) { failure = thrown; });
    io.run();
    CHECK(failure == nullptr);
    due = meter.due();
  }

  bool told(std::size_t fault, const std::string& part) const {
    return faults.at(fault).find(part) != std::string::npos;
  }
};

}  // namespace

TEST_CASE("a dead unit costs one request a poll, once quarantined a short one, each fifth time a whole one") {
  const Polled test(2);  // one poll
  const auto whole = answer_timeout(test.config, 2);
  const auto brief = short_timeout(test.config, 2, 1ms);
  CHECK(brief < whole / 4);
  CHECK(test.line.timeouts ==
        std::vector<microseconds>{whole, whole, whole, whole, whole, brief, brief, whole, brief});
  CHECK(test.due >= test.begin + 60s);
  CHECK(test.told(2, "within " + milliseconds_text(whole) +
                         "; check that the meter is on, its unit_id, and whether it needs a longer"));
  CHECK(test.told(3, "within " + milliseconds_text(brief) + ", more than it needed when it answered; check"));
  CHECK_FALSE(test.told(3, "longer timeout"));
}

TEST_CASE("while nothing is known of how long a unit needs it is waited for in full") {
  const Polled test(0);
  CHECK(test.line.timeouts == std::vector<microseconds>(8, answer_timeout(test.config, 2)));
  CHECK(test.due >= test.begin + 60s);
}
