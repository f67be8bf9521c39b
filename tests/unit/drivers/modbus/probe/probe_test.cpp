// What a probe makes of a device's answers, and how it asks.
#include "drivers/modbus/probe/probe.h"

#include <doctest/doctest.h>

#include <algorithm>
#include <bit>
#include <map>
#include <set>
#include <string>
#include <vector>

#include "config/profiles/read_profile.h"
#include "drivers/modbus/probe/answers.h"
#include "drivers/modbus/probe/rank.h"
#include "scripted_meter.h"

using namespace flopwatt;
using namespace flopwatt::modbus;
using namespace flopwatt::modbus_test;

namespace {

using Words = std::map<std::pair<int, int>, std::uint16_t>;  // function and address

MeterProfile profile(const std::string& id, const std::string& lines) {
  std::vector<Finding> findings;
  Reporter report(findings, id);
  auto made = read_profile("vendor: Acme\nmodel: " + id +
                               "\nkind: power-meter\nconfidence: two-sources\nsources: [a, b]\n"
                               "serial: {baud: 9600, parity: none, stop_bits: 1}\nunit_id: 1\n" +
                               lines,
                           id, report);
  for (const Finding& finding : findings) MESSAGE(finding.text());
  REQUIRE(made);
  return *made;
}

// Voltage, frequency and power from `first` on, as float32.
std::string float_registers(int first, const std::string& more = "") {
  const auto at = [&](int offset) {
    return ", address: " + std::to_string(first + offset) + ", function: 3";
  };
  return "registers:\n  - {quantity: voltage, phase: L1" + at(0) + ", type: f32, unit: V" + more +
         "}\n  - {quantity: frequency" + at(2) + ", type: f32, unit: Hz" + more +
         "}\n  - {quantity: active_power" + at(4) + ", type: f32, unit: W" + more + "}\n";
}

std::string identify_number(int address, const std::string& expected) {
  return "identify: [{address: " + std::to_string(address) +
         ", function: 3, type: u16, expected: " + expected + ", meaning: model code}]\n";
}

void put_float(Words& words, int address, float value, bool low_first = false) {
  const auto bits = std::bit_cast<std::uint32_t>(value);
  words[{3, address + (low_first ? 1 : 0)}] = static_cast<std::uint16_t>(bits >> 16);
  words[{3, address + (low_first ? 0 : 1)}] = static_cast<std::uint16_t>(bits);
}

Words meter_words(int first, bool low_first = false) {
  Words words;
  put_float(words, first, 231.5F, low_first);
  put_float(words, first + 2, 49.98F, low_first);
  put_float(words, first + 4, 1250.0F, low_first);
  return words;
}

// Answers what it has, exception 2 for the rest.
class Device {
 public:
  explicit Device(Words words) : words_(std::move(words)) {}

  Act operator()(const Asked& asked) {
    asked_.push_back(asked);
    std::vector<std::uint16_t> registers;
    for (int i = 0; i < asked.count; ++i) {
      const auto found = words_.find({asked.function, asked.address + i});
      if (found == words_.end())
        return {.bytes = exception(asked.transaction, asked.unit, asked.function, 2)};
      registers.push_back(found->second);
    }
    return {.bytes = answer_to(asked, registers)};
  }

  const std::vector<Asked>& asked() const { return asked_; }

 private:
  Words words_;
  std::vector<Asked> asked_;
};

awaitable<void> probe_once(Connection& connection, std::uint8_t unit,
                           const std::vector<MeterProfile>& profiles, const ProbeOptions& options,
                           std::optional<Result<ProbedUnit>>& result) {
  result = co_await probe_unit(connection, unit, profiles, options);
}

awaitable<void> with_watch(Connection& connection, awaitable<void> task) {
  std::vector<awaitable<void>> tasks;
  tasks.push_back(connection.watch());
  tasks.push_back(std::move(task));
  co_await run_until_first_ends(std::move(tasks));
}

// What comes of probing unit 1 of a device that does as `script` says.
Result<ProbedUnit> probed(ScriptedMeter::Script script, const std::vector<MeterProfile>& profiles,
                          std::chrono::seconds limit = std::chrono::seconds(60)) {
  asio::io_context io;
  ScriptedMeter meter(io, std::move(script));
  const auto connection = make_connection(io.get_executor(), meter.address(), {});
  ProbeOptions options;
  options.read.timeout = std::chrono::milliseconds(300);
  options.unit_limit = limit;
  std::optional<Result<ProbedUnit>> result;
  bool ended = false;
  std::exception_ptr failure;
  asio::co_spawn(io, with_watch(*connection, probe_once(*connection, 1, profiles, options, result)),
                 [&](std::exception_ptr thrown) {
                   failure = std::move(thrown);
                   ended = true;
                   io.stop();
                 });
  io.run_for(std::chrono::seconds(20));
  REQUIRE(ended);
  if (failure) std::rethrow_exception(failure);
  REQUIRE(result);
  return std::move(*result);
}

ProbedUnit probed(Device& device, const std::vector<MeterProfile>& profiles) {
  auto result = probed([&](const Asked& asked) { return device(asked); }, profiles);
  REQUIRE(result);
  return std::move(*result);
}

bool says(const std::vector<std::string>& sentences, const std::string& part) {
  return std::ranges::any_of(sentences, [&](const auto& one) { return one.find(part) != std::string::npos; });
}

}  // namespace

TEST_CASE("a value that only one profile expects, with plausible values, is certain") {
  Words words = meter_words(100);
  words[{3, 500}] = 42;
  Device device(words);
  const auto unit = probed(device, {profile("other", identify_number(500, "[7, 8]") + float_registers(100)),
                                    profile("right", identify_number(500, "[41, 42]") + float_registers(100)),
                                    profile("plain", float_registers(100))});
  CHECK(unit.answers);
  REQUIRE(unit.found.size() == 1);
  CHECK(unit.found[0].profile == "right");
  CHECK(unit.found[0].confidence == Confidence::certain);
  CHECK(unit.found[0].score >= 0.95);
  CHECK(says(unit.found[0].why, "register 500 (model code) holds 42"));
  CHECK(says(unit.found[0].why, "voltage L1 231.5 V, frequency 49.98 Hz, active_power 1250 W"));
}

TEST_CASE("a value that a profile never has there rules it out, whatever its values") {
  Words words = meter_words(100);
  words[{3, 500}] = 42;
  Device device(words);
  const auto unit = probed(device, {profile("other", identify_number(500, "[7, 8]") + float_registers(100))});
  CHECK(unit.answers);
  CHECK(unit.found.empty());
}

TEST_CASE("a unit is asked for a limited time, and it is said where that was too short") {
  Device device(meter_words(100));
  const auto unit = probed([&](const Asked& asked) { return device(asked); },
                           {profile("p", float_registers(100))}, std::chrono::seconds(0));
  REQUIRE(unit);
  CHECK(unit->answers);
  CHECK(unit->found.empty());
  CHECK(says(unit->hints, "not everything was asked"));
}

TEST_CASE("a value that several expect is likely, and one that the values contradict is not certain") {
  Words words = meter_words(100);
  words[{3, 500}] = 42;
  Device device(words);
  const auto shared = probed(device, {profile("one", identify_number(500, "42") + float_registers(100)),
                                      profile("two", identify_number(500, "42") + float_registers(100))});
  REQUIRE(shared.found.size() == 2);
  CHECK(shared.found[0].confidence == Confidence::likely);
  CHECK(says(shared.found[0].why, "2 profiles expect the same"));

  // Sixteen bits may be there by chance: who has plausible values comes first.
  const auto chance = probed(device, {profile("chance", identify_number(500, "42") + float_registers(102)),
                                      profile("plain", float_registers(100))});
  REQUIRE(chance.found.size() == 2);
  CHECK(chance.found[0].profile == "plain");
  CHECK(chance.found[1].confidence == Confidence::possible);
  CHECK(says(chance.found[1].why, "not plausible"));
}

TEST_CASE("plausible values alone are possible, and who explains more comes first") {
  Words words = meter_words(100);
  put_float(words, 106, 5.5F);
  Device device(words);
  const std::string current =
      "  - {quantity: current, phase: L1, address: 106, function: 3, type: f32, unit: A}\n";
  const auto unit =
      probed(device, {profile("less", float_registers(100)), profile("more", float_registers(100) + current),
                      profile("elsewhere", float_registers(300)),
                      profile("unanswered", identify_number(9, "1") + float_registers(100))});
  REQUIRE(unit.found.size() == 3);
  CHECK(unit.found[0].profile == "more");
  CHECK(unit.found[1].profile == "less");
  CHECK(unit.found[2].profile == "unanswered");
  for (const ProbeMatch& match : unit.found) CHECK(match.confidence == Confidence::possible);
  CHECK(unit.found[0].why.back() == "values alone identify no model: 3 profiles fit");
  CHECK(unit.hints.empty());
}

TEST_CASE("at most five are listed, and told of how many") {
  Device device(meter_words(100));
  std::vector<MeterProfile> profiles;
  for (int i = 0; i < 7; ++i) profiles.push_back(profile("p" + std::to_string(i), float_registers(100)));
  const auto unit = probed(device, profiles);
  CHECK(unit.found.size() == 5);
  CHECK(says(unit.found[0].why, "7 profiles fit, these are the 5 likeliest"));
}

TEST_CASE("a profile of which nothing can be read but single values is no match, but a hint where none is") {
  Device device(meter_words(100));
  const auto one_value_at_a_time = [&](const Asked& asked) -> Act {
    if (asked.count <= 2) return device(asked);
    return {.bytes = exception(asked.transaction, asked.unit, asked.function, 3)};
  };
  const MeterProfile whole = profile("whole", float_registers(100));
  const auto refused = probed(one_value_at_a_time, {whole});
  REQUIRE(refused);
  CHECK(refused->found.empty());
  CHECK(says(refused->hints, "single values of the profile whole are plausible (voltage L1 231.5 V"));

  const MeterProfile small = profile("small", "limits: {max_registers: 2}\n" + float_registers(100));
  const auto read = probed(one_value_at_a_time, {whole, small});
  REQUIRE(read);
  REQUIRE(read->found.size() == 1);
  CHECK(read->found[0].profile == "small");
  CHECK(says(read->found[0].why, "3 of 3 values are plausible"));
  CHECK(says(read->found[0].why, "compare it with the name plate"));
  CHECK(read->hints.empty());
}

TEST_CASE("addresses off by one and the other word order are told, not taken") {
  Device late(meter_words(101));
  const auto shifted = probed(late, {profile("documented", float_registers(100))});
  CHECK(shifted.answers);
  CHECK(shifted.found.empty());
  REQUIRE(shifted.hints.size() == 1);
  CHECK(says(shifted.hints, "documented would fit if every address were one higher: voltage L1 231.5 V"));

  Device swapped(meter_words(100, true));
  const auto order = probed(swapped, {profile("documented", float_registers(100))});
  CHECK(order.found.empty());
  CHECK(says(order.hints, "order of words"));
  Device little(meter_words(100, true));
  CHECK(probed(little, {profile("right", float_registers(100, ", word_order: little"))}).found.size() == 1);
}

TEST_CASE("a text that names the model is likely, and tells the serial number") {
  Words words = meter_words(100);
  const std::string text("ACME PM5340\0", 12);
  for (int i = 0; i < 6; ++i)
    words[{3, 600 + i}] = static_cast<std::uint16_t>(text[static_cast<std::size_t>(2 * i)] << 8 |
                                                     text[static_cast<std::size_t>(2 * i + 1)]);
  words[{3, 700}] = 1;
  words[{3, 701}] = 2;
  Device device(words);
  const std::string identify =
      "identify: [{address: 600, function: 3, type: text, registers: 6, meaning: model}, {address: 700, "
      "function: 3, type: u32, meaning: serial number}]\n";
  const auto unit = probed(device, {profile("PM5110/PM5340", identify + float_registers(100))});
  REQUIRE(unit.found.size() == 1);
  CHECK(unit.found[0].confidence == Confidence::likely);
  CHECK(unit.found[0].model == "ACME PM5340");
  CHECK(unit.found[0].serial == "65538");
}

TEST_CASE("no question is asked twice, and only functions 3 and 4 are used") {
  Device device(meter_words(100));
  std::vector<MeterProfile> profiles;
  for (int i = 0; i < 6; ++i)
    profiles.push_back(profile("p" + std::to_string(i), identify_number(500, "[1]") + float_registers(100)));
  CHECK(probed(device, profiles).found.size() == 5);
  std::multiset<std::tuple<int, int, int>> asked;
  for (const Asked& one : device.asked()) {
    asked.emplace(one.function, one.address, one.count);
    CHECK((one.function == 3 || one.function == 4));
  }
  for (const auto& question : asked)
    CHECK(asked.count(question) <= 2);  // of the walk and of the identification
  CHECK(asked.count({3, 500, 1}) == 1);
  CHECK(asked.count({3, 100, 2}) == 1);
}

TEST_CASE("an exception is a sign of life, but not that of a gateway") {
  const auto refusing = [](int code) {
    return [code](const Asked& asked) -> Act {
      return {.bytes =
                  exception(asked.transaction, asked.unit, asked.function, static_cast<std::uint8_t>(code))};
    };
  };
  const std::vector<MeterProfile> profiles = {profile("p", float_registers(100))};
  const auto refuses = probed(refusing(2), profiles);
  REQUIRE(refuses);
  CHECK(refuses->answers);
  CHECK(refuses->found.empty());
  for (const int code : {10, 11}) {
    const auto absent_unit = probed(refusing(code), profiles);
    REQUIRE(absent_unit);
    CHECK_FALSE(absent_unit->answers);
    CHECK(absent_unit->silence.find("the gateway") != std::string::npos);
  }
}

TEST_CASE("a function that the unit does not know is given up after three refusals") {
  Words words;
  for (const auto& [place, word] : meter_words(100)) words[{4, place.second}] = word;
  Device device(words);
  int of_three = 0;
  std::vector<MeterProfile> profiles;
  for (int i = 0; i < 9; ++i)
    profiles.push_back(profile("p" + std::to_string(i), float_registers(200 + 10 * i)));
  profiles.push_back(profile("turned", float_registers(100)));
  const auto unit = probed(
      [&](const Asked& asked) -> Act {
        if (asked.function == 4) return device(asked);
        ++of_three;
        return {.bytes = exception(asked.transaction, asked.unit, asked.function, 1)};
      },
      profiles);
  REQUIRE(unit);
  CHECK(of_three <= 7);  // a greeting, three bases of SunSpec, three registers
  CHECK(says(unit->hints, "turned would fit if function 3 were 4"));
}

TEST_CASE("a silent unit costs one request, one that falls silent is given up") {
  const std::vector<MeterProfile> profiles = {profile("p", float_registers(100)),
                                              profile("q", float_registers(200))};
  int requests = 0;
  const auto silent = probed(
      [&](const Asked&) {
        ++requests;
        return Act{};
      },
      profiles);
  REQUIRE(silent);
  CHECK_FALSE(silent->answers);
  CHECK(requests == 1);
  CHECK(silent->silence.find("no answer within 300 ms") != std::string::npos);

  requests = 0;
  const auto fell =
      probed([&](const Asked& asked) { return ++requests == 1 ? answers(asked, 7) : Act{}; }, profiles);
  REQUIRE(fell);
  CHECK(fell->answers);
  CHECK(says(fell->hints, "stopped answering"));
  CHECK(requests < 15);
}

TEST_CASE("where nobody listens there is a fault") {
  asio::io_context io;
  ModbusAddress nowhere;
  {
    const tcp::acceptor closed_soon(io, tcp::endpoint(asio::ip::address_v4::loopback(), 0));
    nowhere = {"127.0.0.1", closed_soon.local_endpoint().port(), Transport::tcp};
  }
  const auto connection = make_connection(io.get_executor(), nowhere, {});
  std::optional<Result<ProbedUnit>> result;
  const std::vector<MeterProfile> none;
  const ProbeOptions options;
  asio::co_spawn(io, with_watch(*connection, probe_once(*connection, 1, none, options, result)),
                 [&](const std::exception_ptr&) { io.stop(); });
  io.run_for(std::chrono::seconds(20));
  REQUIRE(result);
  REQUIRE_FALSE(*result);
  CHECK(result->error().fault_class == FaultClass::connection);
}
