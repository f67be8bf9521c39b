// What each key of a profile becomes. What is wrong with one is in wrong_profiles/.
#include <doctest/doctest.h>

#include <algorithm>
#include <limits>

#include "config/profiles/read_profile.h"
#include "config/profiles/read_registers.h"
#include "config/profiles/register_limits.h"
#include "config/yaml/yaml_tree.h"

using namespace flopwatt;
using Q = Quantity;
using Use = ScaleRegister::Use;

namespace {

const std::string head = "{vendor: V, model: M, confidence: one-source, sources: [s], ";

MeterProfile read_whole(const std::string& rest) {
  std::vector<Finding> findings;
  Reporter report(findings, "p.yml");
  const auto profile = read_profile(head + rest + "}", "p", report);
  for (const Finding& finding : findings) MESSAGE(finding.text());
  REQUIRE(profile);
  CHECK(findings.empty());
  return *profile;
}

MeterProfile read_register(const std::string& keys) { return read_whole("registers: [{" + keys + "}]"); }

const std::string power = "registers: [{quantity: active_power, address: 0, function: 3, type: f32}]";

const Register& at(const MeterProfile& profile, Channel channel) {
  const auto found = std::ranges::find(profile.registers, channel, &Register::channel);
  REQUIRE(found != profile.registers.end());
  return *found;
}

Channel branch(Q quantity, int number) {
  return {quantity, Place::branch, static_cast<std::uint16_t>(number)};
}

}  // namespace

TEST_CASE("what stands beside the registers") {
  const MeterProfile profile = read_whole(
      "kind: rack-pdu, serial: {baud: 19200, parity: even, stop_bits: 2}, unit_id: 126, "
      "conflicts: [a, b], quirks: [c], limits: {max_registers: 60, max_hole: 4, even: true, block: 20, "
      "forbidden: [\"31-48\", 0x40, 100-100]}, " +
      power);
  CHECK(profile.kind == "rack-pdu");
  CHECK(profile.serial == SerialSettings{19200, Parity::even, 2});
  CHECK(profile.unit_id == 126);
  CHECK(profile.conflicts == std::vector<std::string>{"a", "b"});
  CHECK(profile.quirks == std::vector<std::string>{"c"});
  CHECK(profile.limits == ReadLimits{.max_registers = 60,
                                     .max_hole = 4,
                                     .even = true,
                                     .block = 20,
                                     .forbidden = {{31, 48}, {64, 64}, {100, 100}}});
  CHECK_FALSE(profile.sunspec);
}

TEST_CASE("what is not written has its default") {
  const MeterProfile profile = read_whole(power);
  CHECK(profile.kind == "power-meter");
  CHECK_FALSE(profile.serial);
  CHECK(profile.unit_id == 1);
  CHECK(profile.limits == ReadLimits{});
  const Register& reg = profile.registers.front();
  CHECK((reg.scaled_by.empty() && !reg.minus && reg.unavailable.empty() && !reg.alone));
  CHECK(reg.encoding == Encoding::plain);
  CHECK(read_whole("serial: {}, unit_id: 255, " + power).serial == SerialSettings{9600, Parity::none, 1});
}

TEST_CASE("identification by numbers and by texts, one or several") {
  const MeterProfile profile = read_whole(
      "identify: [{address: 11, function: 3, type: u16, expected: [331, 0x14C], meaning: type}, "
      "{address: 1, function: 4, type: i32, word_order: little, expected: -5}, "
      "{address: 49, function: 3, type: text, registers: 20, expected: PM5, meaning: model}, "
      "{address: 80, function: 3, type: text, registers: 6, expected: [B23, \"B24 \"]}, "
      "{address: 90, function: 3, type: u32}], " +
      power);
  REQUIRE(profile.identify.size() == 5);
  CHECK(profile.identify[0].expected == std::vector<std::int64_t>{331, 332});
  CHECK(profile.identify[0].meaning == "type");
  CHECK(profile.identify[0].width() == 1);
  CHECK(profile.identify[1].expected == std::vector<std::int64_t>{-5});
  CHECK(profile.identify[1].word_order == WordOrder::little);
  CHECK(profile.identify[2].text_registers == 20);
  CHECK(profile.identify[2].width() == 20);
  CHECK(profile.identify[2].expected_text == std::vector<std::string>{"PM5"});
  CHECK(profile.identify[3].expected_text == std::vector<std::string>{"B23", "B24 "});
  CHECK((profile.identify[4].expected.empty() && profile.identify[4].text_registers == 0));
}

TEST_CASE("scale registers: one, or several that all apply") {
  const Register one = read_register(
                           "quantity: active_power, address: 4000, function: 3, type: i16, unit: kW, "
                           "scaled_by: {address: 4301, function: 4, type: u16, use: divisors, "
                           "divisors: [10000, 1000, 100, 10]}")
                           .registers.front();
  REQUIRE(one.scaled_by.size() == 1);
  CHECK(one.scaled_by[0] == ScaleRegister{.address = 4301,
                                          .function = 4,
                                          .wire = Wire::u16,
                                          .use = Use::divisors,
                                          .divisors = {10000, 1000, 100, 10}});
  CHECK(one.scale == 1000);
  const Register both =
      read_register(
          "quantity: active_power, address: 4, function: 3, type: f32, scaled_by: [{address: 6, function: 3, "
          "type: f32, word_order: little, use: factor}, {address: 8, function: 3, type: u16, use: factor, "
          "scale: 0.1}, {address: 9, function: 3, type: i16, use: exponent}]")
          .registers.front();
  REQUIRE(both.scaled_by.size() == 3);
  CHECK(both.scaled_by[0].wire == Wire::f32);
  CHECK(both.scaled_by[0].word_order == WordOrder::little);
  CHECK((both.scaled_by[0].use == Use::factor && both.scaled_by[0].scale == 1.0));
  CHECK(both.scaled_by[1].scale == 0.1);
  CHECK(both.scaled_by[2].use == Use::exponent);
}

TEST_CASE("registers that need more than a type") {
  const Register mod = read_register(
                           "quantity: energy_import, address: 287, function: 3, type: mod10k, "
                           "word_order: little, unit: kWh, alone: true")
                           .registers.front();
  CHECK((mod.encoding == Encoding::modulo_10000 && mod.wire == Wire::u32 && mod.width() == 2));
  CHECK((mod.word_order == WordOrder::little && mod.scale == 1000 && mod.alone));
  const Register difference =
      read_register("quantity: active_power, address: 0, minus: 2, function: 3, type: u32, scale: 0.1")
          .registers.front();
  CHECK(difference.minus == 2);
  const auto unavailable = [](const std::string& type, const std::string& values) {
    return read_register("quantity: power_factor, address: 9, function: 3, type: " + type +
                         ", unavailable: " + values)
        .registers.front()
        .unavailable;
  };
  CHECK(unavailable("i16", "[2000, 0x7FFE]") == std::vector<std::uint64_t>{2000, 0x7FFE});
  CHECK(unavailable("u16", "65535") == std::vector<std::uint64_t>{65535});
  CHECK(unavailable("u64", "0xFFFFFFFFFFFFFFFF") ==
        std::vector<std::uint64_t>{std::numeric_limits<std::uint64_t>::max()});
}

TEST_CASE("a range of branches is a register for each: address, minus and scale go along") {
  const MeterProfile profile = read_whole(
      "registers: [{quantity: energy_import, branch: 1-42, stride: 2, address: 1167, function: 3, type: u32, "
      "unit: kWh, scaled_by: [{address: 1083, stride: 1, function: 3, type: i16, use: exponent}, "
      "{address: 900, function: 3, type: u16, use: factor}]}, "
      "{quantity: active_power, branch: 11-13, stride: 10, address: 2000, minus: 2002, function: 3, "
      "type: u32}, {quantity: current, branch: 7, address: 5, function: 3, type: u16}]");
  CHECK(profile.registers.size() == 42 + 3 + 1);
  CHECK(at(profile, branch(Q::energy_import, 1)).address == 1167);
  const Register& last = at(profile, branch(Q::energy_import, 42));
  CHECK(last.address == 1167 + 41 * 2);
  CHECK(last.scale == 1000);
  CHECK(last.scaled_by[0].address == 1083 + 41);
  CHECK(last.scaled_by[1].address == 900);  // one for all
  // The address is that of the range's first branch.
  CHECK(at(profile, branch(Q::active_power, 11)).address == 2000);
  CHECK(at(profile, branch(Q::active_power, 13)).address == 2020);
  CHECK(at(profile, branch(Q::active_power, 13)).minus == 2022);
  CHECK(at(profile, branch(Q::current, 7)).address == 5);
}

TEST_CASE("what is known and not published is in the profile and is not read") {
  const MeterProfile profile = read_whole(
      "registers: [{quantity: active_power, address: 0, minus: 2, function: 3, type: u32}, "
      "{quantity: active_power_import, address: 0, function: 3, type: u32}, "
      "{quantity: active_power_export, address: 2, function: 3, type: u32}, "
      "{quantity: voltage, part: avg_ln, address: 90, function: 3, type: f32, unit: V}, "
      "{quantity: reactive_power, phase: L2, address: 24, function: 4, type: f32, unit: kvar}, "
      "{quantity: voltage, branch: 1-8, stride: 1, address: 50, function: 3, type: u16}, "
      "{quantity: reactive_energy_import, address: 30, function: 3, type: u32, unit: kvarh}, "
      "{quantity: temperature, part: inlet, address: 40, function: 3, type: i16, unit: degC}]");
  REQUIRE(profile.registers.size() == 1);
  CHECK(profile.registers[0].channel == Channel{Q::active_power});
  REQUIRE(profile.unread.size() == 7);
  CHECK(profile.unread[0].quantity == "active_power_import");
  CHECK(profile.unread[2].quantity == "voltage");
  CHECK(profile.unread[2].part == "avg_ln");
  CHECK(profile.unread[2].address == 90);
  CHECK(profile.unread[2].reason == "a mean that follows from the phases");
  CHECK(profile.unread[3].part == "L2");
  CHECK(profile.unread[4].part == "branches 1-8");
  CHECK(profile.unread[5].part.empty());
}

TEST_CASE("registers that a meter lists itself take the same keys") {
  std::vector<Finding> findings;
  Reporter report(findings, "f.yml");
  const auto list = parse_yaml(
      "[{quantity: active_power, address: 0, minus: 2, function: 3, type: u32, alone: true}, "
      "{quantity: energy_import, address: 4, function: 3, type: mod10k, unit: kWh, unavailable: 0}, "
      "{quantity: current, branch: 1-2, stride: 1, address: 10, function: 3, type: u16, "
      "scaled_by: {address: 12, function: 3, type: i16, use: exponent}}]",
      report);
  REQUIRE(list);
  const RegisterList read = read_registers(*list, {}, Unpublished::refused, report);
  CHECK(findings.empty());
  REQUIRE(read.registers.size() == 4);
  CHECK((read.registers[0].minus == 2 && read.registers[0].alone));
  CHECK(read.registers[1].encoding == Encoding::modulo_10000);
  CHECK(read.registers[3].channel == branch(Q::current, 2));
  CHECK(read.registers[3].scaled_by[0].address == 12);
}

TEST_CASE("a meter without phases has one voltage and one current") {
  const MeterProfile profile = read_whole(
      "registers: [{quantity: voltage, address: 0, function: 3, type: f32}, "
      "{quantity: current, address: 2, function: 3, type: f32, unit: mA}]");
  CHECK(profile.has({Q::voltage}));
  CHECK(at(profile, {Q::current}).scale == 1e-3);
}

TEST_CASE("the shortest request for a register keeps the limits, or says which it breaks") {
  Register reg;
  reg.address = 19;
  reg.wire = Wire::f32;
  CHECK(needed_registers(reg, {}) == 2);
  CHECK(needed_registers(reg, {.even = true}) == 4);
  CHECK(needed_registers(reg, {.block = 20}) == 40);
  CHECK(needed_registers(reg, {.even = true, .block = 5}) == 20);  // 10 to 29
  reg.scaled_by = {ScaleRegister{.address = 0, .wire = Wire::f64, .use = Use::factor, .divisors = {}}};
  CHECK(needed_registers(reg, {}) == 4);
  reg.scaled_by.clear();
  reg.minus = 30;
  CHECK(needed_registers(reg, {}) == 13);
  CHECK(why_unreadable(reg, {}).empty());
  CHECK(why_unreadable(reg, {.max_registers = 13}).empty());
  CHECK_FALSE(why_unreadable(reg, {.max_registers = 12}).empty());
  CHECK_FALSE(why_unreadable(reg, {.forbidden = {{25, 25}}}).empty());
  CHECK(why_unreadable(reg, {.forbidden = {{18, 18}, {32, 40}}}).empty());
}
