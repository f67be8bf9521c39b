#include "drivers/modbus/wire/tcp_connection.h"

#include <doctest/doctest.h>

#include <boost/asio/bind_cancellation_slot.hpp>
#include <boost/asio/cancellation_signal.hpp>
#include <boost/asio/io_context.hpp>
#include <memory>
#include <optional>
#include <string>

#include "scripted_meter.h"

using namespace flopwatt;
using namespace flopwatt::modbus;
using namespace flopwatt::modbus_test;
using namespace std::chrono_literals;
using std::chrono::steady_clock;

namespace {

constexpr ReadRequest two_holding_registers{1, ReadFunction::holding_registers, 100, 2};

struct Outcome {
  bool good = false;
  std::uint16_t first_register = 0;
  Fault fault{};
  milliseconds took{0};
  Moment sent{}, received{};
};

// A connection to a scripted meter, and the reads made on it.
struct Line {
  asio::io_context io{1};
  ScriptedMeter meter;
  TcpConnection connection;
  ReadOptions options{.timeout = 100ms};
  std::vector<Outcome> outcomes;
  std::exception_ptr failure;
  bool ended = false;

  explicit Line(ScriptedMeter::Script script)
      : meter(io, std::move(script)), connection(io.get_executor(), meter.address()) {}

  /// Reads from another address than that of its meter.
  Line(ScriptedMeter::Script script, const std::string& host, std::optional<std::uint16_t> port)
      : meter(io, std::move(script)),
        connection(io.get_executor(), {host, port.value_or(meter.address().port)}) {}

  awaitable<void> read_times(int times) {
    for (int i = 0; i < times; ++i) {
      const auto begin = steady_clock::now();
      const auto result = co_await connection.read(two_holding_registers, options);
      Outcome outcome{.took = std::chrono::duration_cast<milliseconds>(steady_clock::now() - begin)};
      if (result) {
        outcome.good = true;
        outcome.first_register = big_endian_u16(result->registers.first<2>());
        outcome.sent = result->sent;
        outcome.received = result->received;
      } else {
        outcome.fault = result.error();
      }
      outcomes.push_back(outcome);
    }
  }

  void keep(const std::exception_ptr& thrown) {
    failure = thrown;
    ended = true;
    io.stop();
  }

  awaitable<void> watched(int times) {
    std::vector<awaitable<void>> tasks;
    tasks.push_back(connection.watch());
    tasks.push_back(read_times(times));
    co_await run_until_first_ends(std::move(tasks));
  }

  std::vector<Outcome> read(int times = 1) {
    outcomes.clear();
    ended = false;
    io.restart();
    asio::co_spawn(io, watched(times), [this](const std::exception_ptr& thrown) { keep(thrown); });
    io.run_for(10s);
    REQUIRE(ended);
    REQUIRE(failure == nullptr);
    return outcomes;
  }

  bool told(std::size_t outcome, const std::string& part) const {
    return outcomes[outcome].fault.message.find(part) != std::string::npos;
  }
};

}  // namespace

TEST_CASE("registers are read, and the moment of it is told") {
  Line line([](const Asked& asked) { return answers(asked, 42); });
  const Moment before = {
      0,
      std::chrono::duration_cast<std::chrono::microseconds>(steady_clock::now().time_since_epoch()).count()};
  const auto outcomes = line.read(3);
  for (const Outcome& outcome : outcomes) {
    CHECK(outcome.good);
    CHECK(outcome.first_register == 42);
    CHECK(outcome.sent.monotonic_us >= before.monotonic_us);
    CHECK(outcome.received.monotonic_us >= outcome.sent.monotonic_us);
  }
  CHECK(line.meter.connections() == 1);
}

TEST_CASE("a timeout keeps the connection, and the late answer is dropped") {
  Line line([](const Asked& asked) {
    Act act = answers(asked, static_cast<std::uint16_t>(asked.request));
    if (asked.request == 1) act.after = 150ms;
    if (asked.request == 2) act.after = 80ms;
    return act;
  });
  const auto outcomes = line.read(3);
  CHECK(outcomes[0].fault.fault_class == FaultClass::timeout);
  CHECK(line.told(0, "no answer within 100 ms"));
  CHECK(outcomes[1].good);
  CHECK(outcomes[1].first_register == 2);
  CHECK(outcomes[2].good);
  CHECK(outcomes[2].first_register == 3);
  CHECK(line.meter.connections() == 1);
}

TEST_CASE("a late answer does not move the deadline") {
  Line line([](const Asked& asked) {
    Act act = answers(asked, 1);
    act.after = asked.request == 1 ? 450ms : 10s;
    return act;
  });
  line.options.timeout = 300ms;
  const auto outcomes = line.read(2);
  CHECK(outcomes[1].fault.fault_class == FaultClass::timeout);
  CHECK(outcomes[1].took < 430ms);
}

TEST_CASE("two timeouts in a row close the connection") {
  Line line([](const Asked& asked) { return asked.request <= 2 ? Act{} : answers(asked, 3); });
  const auto outcomes = line.read(3);
  CHECK(outcomes[0].fault.fault_class == FaultClass::timeout);
  CHECK(outcomes[1].fault.fault_class == FaultClass::timeout);
  CHECK(outcomes[2].good);
  CHECK(line.meter.connections() == 2);
}

TEST_CASE("an exception proves the link: it is told, keeps the connection and ends a row of timeouts") {
  Line line([](const Asked& asked) {
    if (asked.request % 2 == 1) return Act{};
    return Act{.bytes = exception(asked.transaction, asked.unit, asked.function, 2)};
  });
  const auto outcomes = line.read(4);
  CHECK(outcomes[0].fault.fault_class == FaultClass::timeout);
  CHECK(outcomes[1].fault.fault_class == FaultClass::exception);
  CHECK(outcomes[1].fault.code == 2);
  CHECK(outcomes[2].fault.fault_class == FaultClass::timeout);
  CHECK(outcomes[3].fault.fault_class == FaultClass::exception);
  CHECK(line.meter.connections() == 1);
}

TEST_CASE("whatever puts the framing in doubt is a protocol fault, closes, and no value comes of it") {
  ScriptedMeter::Script bad;
  std::string reason;
  SUBCASE("wrong unit") {
    bad = [](const Asked& asked) {
      return Act{.bytes = answer(asked.transaction, 77, asked.function, {9, 9})};
    };
    reason = "unit 77";
  }
  SUBCASE("wrong transaction id") {
    bad = [](const Asked& asked) { return Act{.bytes = answer(asked.transaction + 5, 1, 3, {9, 9})}; };
    reason = "transaction id";
  }
  SUBCASE("a device that does not echo ids") {
    bad = [](const Asked&) { return Act{.bytes = answer(0, 1, 3, {9, 9})}; };
    reason = "transaction id 0";
  }
  SUBCASE("trailing bytes") {
    bad = [](const Asked& asked) { return Act{.bytes = answer_to(asked, {9, 9}) + Bytes{1, 2, 3}}; };
    reason = "3 bytes follow";
  }
  SUBCASE("length lies") {
    bad = [](const Asked& asked) {
      Bytes bytes = answer_to(asked, {9, 9});
      bytes[4] = bytes[5] = 0xFF;
      return Act{.bytes = bytes};
    };
    reason = "length 65535";
  }
  SUBCASE("another protocol") {
    bad = [](const Asked&) { return Act{.bytes = {'H', 'T', 'T', 'P', '/', '1', '.', '1', ' '}}; };
    reason = "no Modbus TCP frame";
  }
  SUBCASE("wrong function") {
    bad = [](const Asked& asked) { return Act{.bytes = answer(asked.transaction, 1, 4, {9, 9})}; };
    reason = "function 4";
  }
  SUBCASE("wrong byte count") {
    bad = [](const Asked& asked) { return Act{.bytes = frame(asked.transaction, {1, 3, 2, 0, 9, 0, 9})}; };
    reason = "2 bytes of registers";
  }
  Line line([&](const Asked& asked) { return asked.request == 1 ? bad(asked) : answers(asked, 5); });
  const auto outcomes = line.read(2);
  CHECK(outcomes[0].fault.fault_class == FaultClass::protocol);
  CHECK(line.told(0, reason));
  CHECK(line.told(0, "reading registers 100 to 101 (function 3) of unit 1 at tcp://127.0.0.1:"));
  CHECK(outcomes[0].took < line.options.timeout);
  CHECK(outcomes[1].good);
  CHECK(outcomes[1].first_register == 5);
  CHECK(line.meter.connections() == 2);
}

TEST_CASE("another unit id is taken where that is configured") {
  Line line([](const Asked& asked) {
    return Act{.bytes = answer(asked.transaction, 77, asked.function, {9, 9})};
  });
  line.options.accept_unit_mismatch = true;
  CHECK(line.read()[0].good);
}

TEST_CASE("bytes that come behind a good answer are never part of a later one") {
  Line line([](const Asked& asked) {
    Act act = answers(asked, static_cast<std::uint16_t>(asked.request));
    // As they arrive when they were sent after the answer before was taken.
    if (asked.request == 2) act.bytes = Bytes{0, 0, 0, 0} + act.bytes;
    return act;
  });
  const auto outcomes = line.read(3);
  CHECK(outcomes[0].first_register == 1);
  CHECK(outcomes[1].fault.fault_class == FaultClass::protocol);
  CHECK(outcomes[2].first_register == 3);
}

TEST_CASE("a dripping answer ends at the deadline") {
  Line line([](const Asked& asked) {
    Act act = answers(asked, 6);
    if (asked.request == 1) act.between_bytes = 50ms;  // 13 bytes: 650 ms
    return act;
  });
  line.options.timeout = 300ms;
  const auto outcomes = line.read(2);
  CHECK(outcomes[0].fault.fault_class == FaultClass::timeout);
  CHECK(line.told(0, "a part of an answer"));
  CHECK(outcomes[0].took >= 300ms);
  CHECK(outcomes[0].took < 500ms);
  CHECK(outcomes[1].good);
  CHECK(line.meter.connections() == 2);
}

TEST_CASE("an answer that drips in time is whole") {
  Line line([](const Asked& asked) {
    Act act = answers(asked, 6);
    act.between_bytes = 2ms;
    return act;
  });
  CHECK(line.read()[0].first_register == 6);
}

TEST_CASE("a truncated answer costs one timeout and one connection") {
  Line line([](const Asked& asked) {
    Act act = answers(asked, 6);
    if (asked.request == 1) act.bytes.resize(10);
    return act;
  });
  const auto outcomes = line.read(2);
  CHECK(outcomes[0].fault.fault_class == FaultClass::timeout);
  CHECK(outcomes[1].good);
  CHECK(line.meter.connections() == 2);
}

TEST_CASE("a connection that was closed while idle is opened again at once and the read repeated") {
  Line line([](const Asked& asked) {
    Act act = answers(asked, static_cast<std::uint16_t>(asked.request));
    act.then_close = asked.request == 1;
    return act;
  });
  const auto outcomes = line.read(2);
  CHECK(outcomes[0].good);
  CHECK(outcomes[1].good);
  CHECK(outcomes[1].first_register == 2);
  CHECK(line.meter.connections() == 2);
  CHECK(outcomes[1].took >= 900ms);  // two connections are a second apart, whatever happens
  CHECK(outcomes[1].took < 1500ms);
}

TEST_CASE("a device that closes every connection unanswered is tried again after a growing time") {
  Line line([](const Asked&) { return Act{.then_close = true}; });
  const auto outcomes = line.read(3);
  CHECK(outcomes[0].fault.fault_class == FaultClass::connection);
  CHECK(line.told(0, "closed the connection"));
  CHECK(line.connection.retry_at() > steady_clock::now() + 500ms);
  CHECK(outcomes[1].fault.fault_class == FaultClass::connection);
  CHECK(outcomes[1].took < 90ms);
  // Who asks next is told of the connection; the registers are those of another meter.
  CHECK(line.told(0, "reading registers 100 to 101"));
  CHECK(line.told(1, "the connection to " + line.meter.address().text() +
                         " broke before it gave an answer: the device closed the connection; check"));
  CHECK(line.meter.connections() == 1);
}

TEST_CASE("nobody listens") {
  asio::io_context other;
  tcp::acceptor closed(other, tcp::endpoint(asio::ip::address_v4::loopback(), 0));
  const ModbusAddress nobody{"127.0.0.1", closed.local_endpoint().port()};
  closed.close();
  Line line([](const Asked& asked) { return answers(asked, 1); }, nobody.host, nobody.port);
  const auto outcome = line.read()[0];
  CHECK(outcome.fault.fault_class == FaultClass::connection);
  CHECK(line.told(0, "Connection refused"));
  CHECK(line.told(0, nobody.text()));
}

TEST_CASE("an attempt to connect that nobody answers ends") {
  // A listener whose queue is full drops what comes.
  asio::io_context other;
  tcp::acceptor full(other);
  full.open(tcp::v4());
  full.bind(tcp::endpoint(asio::ip::address_v4::loopback(), 0));
  full.listen(0);
  std::vector<std::unique_ptr<tcp::socket>> waiting;
  for (int i = 0; i < 3; ++i) {
    waiting.push_back(std::make_unique<tcp::socket>(other));
    waiting.back()->async_connect(full.local_endpoint(), [](const boost::system::error_code&) {});
    other.poll();
  }
  Line line([](const Asked& asked) { return answers(asked, 1); }, "127.0.0.1", full.local_endpoint().port());
  const auto outcome = line.read()[0];
  CHECK(outcome.fault.fault_class == FaultClass::connection);
  CHECK(line.told(0, "no answer within 3000 ms"));
  CHECK(outcome.took >= 3s);
  CHECK(outcome.took < 3500ms);
}

TEST_CASE("a name is looked up; one that does not exist is a connection fault that says so") {
  const auto script = [](const Asked& asked) { return answers(asked, 1); };
  SUBCASE("localhost") {
    Line line(script, "localhost", std::nullopt);
    CHECK(line.read()[0].good);
  }
  SUBCASE("no such name") {
    Line line(script, "no-such-meter.invalid", 502);
    CHECK(line.read()[0].fault.fault_class == FaultClass::connection);
    CHECK(line.told(0, "no-such-meter.invalid"));
  }
}

TEST_CASE("a pause between two requests is kept") {
  Line line([](const Asked& asked) { return answers(asked, 1); });
  line.options.pause = 30ms;
  const auto outcomes = line.read(3);
  CHECK(outcomes[1].sent.monotonic_us - outcomes[0].received.monotonic_us >= 30'000);
  CHECK(outcomes[2].sent.monotonic_us - outcomes[1].received.monotonic_us >= 30'000);
}

TEST_CASE("cancelled in the middle of a transaction it ends at once") {
  steady_clock::time_point cancelled_at;
  asio::cancellation_signal cancel;
  Line line([&](const Asked&) {
    cancelled_at = steady_clock::now();
    cancel.emit(asio::cancellation_type::terminal);
    return Act{};
  });
  line.options.timeout = 5s;
  asio::co_spawn(line.io, line.watched(1),
                 asio::bind_cancellation_slot(cancel.slot(),
                                              [&](const std::exception_ptr& thrown) { line.keep(thrown); }));
  line.io.run_for(5s);
  REQUIRE(line.ended);
  CHECK(line.failure != nullptr);
  CHECK(steady_clock::now() - cancelled_at < 100ms);
  CHECK(line.outcomes.empty());
}
