#include "drivers/modbus/wire/serial_line.h"

#include <doctest/doctest.h>
#include <sys/file.h>
#include <sys/resource.h>

#include <filesystem>
#include <thread>

#include "drivers/modbus/wire/descriptor.h"
#include "rack.h"
#include "rtu_line.h"
#include "tests/unit/runtime/without_threads.h"

using namespace flopwatt;
using namespace flopwatt::modbus;
using namespace flopwatt::modbus_test;
namespace fs = std::filesystem;

namespace {

using Clock = std::chrono::steady_clock;

std::ptrdiff_t threads() {
  return std::distance(fs::directory_iterator("/proc/self/task"), fs::directory_iterator());
}

// One line, without a bus: reads one after another.
struct Bench {
  asio::io_context io{1};
  RtuLine line;
  SerialLine connection;
  ReadRequest request{.unit = 1, .function = ReadFunction::holding_registers, .address = 100, .count = 4};
  ReadOptions options{.timeout = 300ms};
  std::vector<std::uint8_t> bytes{};  // of the newest good answer
  Clock::duration took{};

  asio::cancellation_signal cancel{};
  bool watching = true;

  explicit Bench(RtuLine::Script script)
      : line(io, std::move(script)), connection(io.get_executor(), line.address(), {.baud = 115200}) {
    const auto on_end = [this](const std::exception_ptr&) { watching = false; };
    asio::co_spawn(io, connection.watch(), asio::bind_cancellation_slot(cancel.slot(), on_end));
  }
  ~Bench() {
    cancel.emit(asio::cancellation_type::terminal);
    while (watching && io.run_one_for(1s) > 0) {
    }
    CHECK_FALSE(watching);
  }

  std::optional<Fault> read() {
    std::optional<Fault> fault;
    bool ended = false;
    const auto on_end = [&](const std::exception_ptr& failure) { ended = failure == nullptr; };
    asio::co_spawn(io, one(fault), on_end);
    while (!ended && io.run_one_for(5s) > 0) {
    }
    REQUIRE(ended);
    return fault;
  }

  awaitable<void> one(std::optional<Fault>& fault) {
    const auto begin = Clock::now();
    const auto answer = co_await connection.read(request, options);
    took = Clock::now() - begin;
    if (answer)
      bytes.assign(answer->registers.begin(), answer->registers.end());
    else
      fault = answer.error();
  }
};

const auto good_answers = [](const Asked& asked) { return rtu_answers(asked, 0x1234); };
Bytes endless_frame() {
  Bytes bytes(255, 0);
  bytes[0] = 1, bytes[1] = 3, bytes[2] = 250;
  return bytes;
}
const Bytes four_good = {0x12, 0x34, 0x12, 0x34, 0x12, 0x34, 0x12, 0x34};

}  // namespace

TEST_CASE("no thread is left for a line: a fault that says so, and it is tried again") {
  CHECK(test::holds_without_threads([] {
    Bench bench(good_answers);
    const auto fault = bench.read();
    if (!fault || fault->fault_class != FaultClass::connection ||
        !fault->message.starts_with("no thread is left for the serial line /"))
      return false;
    const rlimit enough{10, 10'000};
    if (::setrlimit(RLIMIT_NPROC, &enough) != 0) return false;
    const auto deadline = Clock::now() + 20s;
    while (bench.read() && Clock::now() < deadline) std::this_thread::sleep_for(20ms);
    return bench.bytes == four_good;
  }));
}

TEST_CASE("meters of one line are read in turn, with time and values") {
  Rack rack;
  RtuLine line(rack.io, [](const Asked& asked) { return rtu_answers(asked, asked.unit); });
  for (const int unit : {1, 2, 247}) {
    MeterConfig& meter =
        rack.add("m" + std::to_string(unit), line.address(), static_cast<std::uint8_t>(unit));
    meter.interval = meter.timeout = 500ms;
  }
  REQUIRE(rack.run_until([&] { return rack.ledger["m247"].sets.size() == 4; }));
  for (const char* name : {"m1", "m2", "m247"}) {
    CHECK(rack.ledger[name].faults.empty());
    CHECK(rack.ledger[name].skipped == 0);
    for (const ReadingSet& set : rack.ledger[name].sets) {
      CHECK(set.values[0] == std::stoi(std::string(name).substr(1)));
      CHECK(set.half_duration_us >= 0);
      CHECK(set.half_duration_us < 250'000);
    }
  }
  CHECK(rack.driver->bus_use().size() == 1);
}

TEST_CASE("a silent unit costs one timeout a back-off, its neighbour is read at every beat") {
  Rack rack;
  Act nothing;
  SUBCASE("silent") {}
  SUBCASE("a byte each 40 ms") {
    nothing = {.bytes = rtu_answer(1, 3, {1, 2, 3}), .between_bytes = 40ms};  // 440 ms
  }
  RtuLine line(rack.io,
               [&](const Asked& asked) { return asked.unit == 1 ? nothing : rtu_answers(asked, 1); });
  for (const int unit : {1, 2}) {
    MeterConfig& meter =
        rack.add(unit == 1 ? "sick" : "healthy", line.address(), static_cast<std::uint8_t>(unit));
    meter.interval = 300ms;
    meter.timeout = 200ms;
  }
  const bool enough = rack.run_until([&] { return rack.ledger["healthy"].sets.size() == 12; });
  for (const Fault& fault : rack.ledger["healthy"].faults) FAIL_CHECK(fault.message);
  REQUIRE(enough);
  const auto& sick = rack.ledger["sick"];
  CHECK(sick.sets.empty());
  CHECK(sick.faults.front().fault_class == FaultClass::timeout);
  CHECK(sick.faults.front().message.find("within 200 ms") != std::string::npos);
  CHECK(sick.polls() >= 3);
  CHECK(sick.polls() <= 6);
  CHECK(rack.ledger["healthy"].skipped == 0);
}

TEST_CASE("no transaction outlasts its deadline") {
  Act act;
  SUBCASE("nothing comes") {}
  SUBCASE("bytes drip") { act = {.bytes = endless_frame(), .between_bytes = 40ms}; }
  SUBCASE("bytes drip into a frame that would be good") {
    act = {.bytes = rtu_answer(1, 3, {1, 2, 3, 4}), .between_bytes = 40ms};
  }
  SUBCASE("the answer is cut off") {
    act = {.bytes = rtu_answer(1, 3, {1, 2, 3, 4}), .after = 150ms};
    act.bytes.resize(9);
  }
  int sick = 2;  // what is cut off is asked for once more
  Bench bench([&](const Asked& asked) { return asked.request <= sick ? act : good_answers(asked); });
  const auto fault = bench.read();
  REQUIRE(fault);
  CHECK(fault->fault_class == FaultClass::timeout);
  CHECK(fault->message.find("reading registers 100 to 103 (function 3) of unit 1 at rtu:///") == 0);
  if (act.after == 0ms) CHECK(bench.took >= 299ms);
  CHECK(bench.took < (act.after == 0ms ? 400ms : 1000ms));
  bench.options.timeout = 2s;
  sick = 0;
  CHECK_FALSE(bench.read());
  CHECK(bench.bytes == four_good);
}

TEST_CASE("what is garbled once is asked for once more, what stays garbled is a fault of its class") {
  Act act;
  FaultClass fault_class = FaultClass::protocol;
  const char* text = "";
  const Bytes answer = rtu_answer(1, 3, {1, 2, 3, 4});
  SUBCASE("a wrong checksum") {
    act.bytes = answer;
    act.bytes.back() ^= 1;
    fault_class = FaultClass::crc;
    text = "checksum is wrong";
  }
  SUBCASE("another unit") {
    act.bytes = rtu_answer(2, 3, {1, 2, 3, 4});
    text = "comes from unit 2";
  }
  SUBCASE("another function") {
    act.bytes = rtu_answer(1, 4, {1, 2, 3, 4});
    text = "is to function 4";
  }
  SUBCASE("another number of registers") {
    act.bytes = rtu_answer(1, 3, {1, 2, 3});
    text = "holds 6 bytes";
  }
  SUBCASE("noise before the frame") {
    act.bytes = Bytes{0x55} + answer;
    text = "comes from unit 85";
  }
  SUBCASE("it ends too early") {
    act.bytes = Bytes(answer.begin(), answer.begin() + 8);
    fault_class = FaultClass::timeout;
    text = "only a part of an answer";
  }
  int sick = 1;
  Bench bench([&](const Asked& asked) { return asked.request <= sick ? act : good_answers(asked); });
  bench.options.timeout = 1s;
  CHECK_FALSE(bench.read());
  CHECK(bench.bytes == four_good);
  CHECK(bench.line.requests() == 2);
  sick = 100;
  const auto fault = bench.read();
  REQUIRE(fault);
  CHECK(fault->fault_class == fault_class);
  CHECK(fault->message.find(text) != std::string::npos);
  CHECK(bench.line.requests() == 4);
  sick = 0;
  CHECK_FALSE(bench.read());
  CHECK(bench.bytes == four_good);
}

TEST_CASE("bytes after an answer are not taken for the next one") {
  Bench bench([](const Asked& asked) {
    Act act = rtu_answers(asked, static_cast<std::uint16_t>(asked.request));
    act.bytes = act.bytes + rtu_answer(1, 3, {9, 9, 9, 9});
    return act;
  });
  for (std::uint8_t i = 1; i <= 5; ++i) {
    REQUIRE_FALSE(bench.read());
    CHECK(bench.bytes == Bytes{0, i, 0, i, 0, i, 0, i});
  }
}

TEST_CASE("a late answer is not taken for the next one") {
  Bench bench([](const Asked& asked) {
    Act act = rtu_answers(asked, static_cast<std::uint16_t>(asked.request));
    if (asked.request == 1) act.after = 310ms;
    return act;
  });
  REQUIRE(bench.read());
  REQUIRE_FALSE(bench.read());
  CHECK(bench.bytes == Bytes{0, 2, 0, 2, 0, 2, 0, 2});
}

TEST_CASE("an exception keeps its code, also one that Modbus does not define") {
  std::uint8_t code = 2;
  Bench bench(
      [&](const Asked& asked) { return Act{.bytes = rtu_exception(asked.unit, asked.function, code)}; });
  for (const int one : {2, 11, 200}) {
    code = static_cast<std::uint8_t>(one);
    const auto fault = bench.read();
    REQUIRE(fault);
    CHECK(fault->fault_class == FaultClass::exception);
    CHECK(fault->code == one);
  }
  CHECK(bench.line.requests() == 3);
}

TEST_CASE("an adapter that is unplugged and plugged in again is found") {
  Bench bench(good_answers);
  REQUIRE_FALSE(bench.read());
  SUBCASE("after some time") {
    bench.line.unplug();
    const auto fault = bench.read();
    REQUIRE(fault);
    CHECK(fault->fault_class == FaultClass::connection);
    const std::string opening = "opening " + bench.line.address().host + ": there is no such device (";
    CHECK(fault->message.find(opening) == 0);  // every meter of the line is told, so it names none
    CHECK(fault->message.find("check the path and that the adapter is plugged in") != std::string::npos);
    CHECK(bench.connection.retry_at() > Clock::now());
    const auto next = bench.read();  // at once
    REQUIRE(next);
    CHECK(next->fault_class == FaultClass::connection);
    CHECK(next->message == fault->message);
    CHECK(bench.took < 50ms);
    bench.line.plug_in();
    std::this_thread::sleep_until(bench.connection.retry_at());
    CHECK_FALSE(bench.read());
  }
  SUBCASE("at once") {
    bench.line.unplug();
    bench.line.plug_in();
    CHECK_FALSE(bench.read());
  }
  SUBCASE("while the old one seems to live") {
    const auto old = bench.line.replace();
    CHECK(bench.read()->fault_class == FaultClass::timeout);
    CHECK_FALSE(bench.read());
  }
  CHECK(bench.bytes == four_good);
}

TEST_CASE("a line that another program holds is left alone, and told so") {
  Bench bench(good_answers);
  const int other = ::open(bench.line.address().host.c_str(), O_RDWR | O_NOCTTY);
  REQUIRE(flock(other, LOCK_EX | LOCK_NB) == 0);
  const auto fault = bench.read();
  REQUIRE(fault);
  CHECK(fault->fault_class == FaultClass::connection);
  CHECK(fault->message.find(bench.line.address().host + " is owned by another program; stop it, or") == 0);
  CHECK(bench.line.requests() == 0);
  ::close(other);
  std::this_thread::sleep_until(bench.connection.retry_at());
  CHECK_FALSE(bench.read());

  // And it holds it itself, until it is closed.
  const int late = ::open(bench.line.address().host.c_str(), O_RDWR | O_NOCTTY);
  CHECK(flock(late, LOCK_EX | LOCK_NB) != 0);
  bench.connection.close();
  const auto limit = Clock::now() + 2s;
  while (flock(late, LOCK_EX | LOCK_NB) != 0 && Clock::now() < limit) std::this_thread::yield();
  CHECK(Clock::now() < limit);
  ::close(late);
  CHECK_FALSE(bench.read());
}

TEST_CASE("what is no serial line is told") {
  Bench bench(good_answers);
  fs::remove(bench.line.address().host);
  fs::create_symlink("/dev/null", bench.line.address().host);
  CHECK(bench.read()->message.find("this is no serial line") != std::string::npos);
}

TEST_CASE("descriptors of a busy agent do no harm") {
  rlimit before{};
  getrlimit(RLIMIT_NOFILE, &before);
  rlimit more = before;
  more.rlim_cur = std::max<rlim_t>(before.rlim_cur, 2048);
  REQUIRE(setrlimit(RLIMIT_NOFILE, &more) == 0);
  {
    Bench bench(good_answers);
    std::vector<Descriptor> many;
    while (many.empty() || many.back().get() < 1100) many.emplace_back(::dup(0));
    CHECK_FALSE(bench.read());  // select() of libmodbus would end the process
    CHECK(bench.bytes == four_good);
  }
  setrlimit(RLIMIT_NOFILE, &before);
}

TEST_CASE("cancelled in the middle of a transaction, driver and thread end at once") {
  const auto before = threads();
  Rack rack;
  Act act;
  SUBCASE("silent") {}
  SUBCASE("dripping") { act = {.bytes = endless_frame(), .between_bytes = 40ms}; }
  RtuLine line(rack.io, [&](const Asked&) { return act; });
  rack.add("pdu", line.address()).timeout = 30s;
  const auto begin = Clock::now();
  CHECK_FALSE(rack.run_until([] { return false; }, 500ms));  // checks that it ended within 1 s
  CHECK(Clock::now() - begin < 1s);
  CHECK(line.requests() == 1);
  rack.driver.reset();
  CHECK(threads() == before);
}
