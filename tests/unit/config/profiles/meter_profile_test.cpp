#include "config/profiles/meter_profile.h"

#include <doctest/doctest.h>
#include <unistd.h>

#include <algorithm>
#include <cmath>
#include <filesystem>
#include <fstream>
#include <map>

#include "config/load.h"
#include "config/profiles/profile_library.h"
#include "config/profiles/register_limits.h"
#include "config/yaml/text_file.h"
#include "tests/unit/config/wrong_files.h"

using namespace flopwatt;
namespace fs = std::filesystem;

namespace {

const Register* find(const MeterProfile& profile, Channel channel) {
  const auto found = std::ranges::find(profile.registers, channel, &Register::channel);
  return found == profile.registers.end() ? nullptr : &*found;
}

MeterProfile read_good(const std::string& registers, const std::string& limits = "{}") {
  std::vector<Finding> findings;
  Reporter report(findings, "p.yml");
  const auto profile =
      read_profile("{vendor: V, model: M, confidence: one-source, sources: [s], limits: " + limits +
                       ", registers: [" + registers + "]}",
                   "p", report);
  for (const Finding& finding : findings) MESSAGE(finding.text());
  REQUIRE(profile);
  return *profile;
}

}  // namespace

TEST_CASE("wrong profiles are refused with every fault at its place") {
  const auto files = test::yaml_files(test::source_dir / "tests/unit/config/wrong_profiles");
  REQUIRE(files.size() >= 5);
  for (const fs::path& file : files) {
    std::vector<Finding> findings;
    Reporter report(findings, file.string());
    CHECK_FALSE(read_profile(read_text_file(file, max_yaml_bytes).text, file.stem(), report));
    test::check_findings(file, findings);
  }
}

namespace {

MeterProfile read_shipped(const fs::path& file) {
  std::vector<Finding> findings;
  Reporter report(findings, file.string());
  const auto profile = read_profile(read_text_file(file, max_yaml_bytes).text, file.stem(), report);
  for (const Finding& finding : findings) MESSAGE(finding.text());
  REQUIRE(profile);
  CHECK(findings.empty());
  return *profile;
}

// Of the whole meter or of its branches.
bool has(const MeterProfile& profile, Quantity quantity) {
  return std::ranges::any_of(profile.registers, [quantity](const Register& reg) {
    return reg.channel.quantity == quantity &&
           (reg.channel.place == Place::whole || reg.channel.place == Place::branch);
  });
}

// Whether each request that reads only one of its registers is one that the device allows.
bool keeps_its_limits(const MeterProfile& profile) {
  return std::ranges::all_of(
      profile.registers, [&](const Register& reg) { return why_unreadable(reg, profile.limits).empty(); });
}

}  // namespace

TEST_CASE("every shipped profile is good, has sources, and power or energy to account") {
  // They meter how far a UPS is loaded, not what flows through it.
  const std::vector<std::string> without = {"apc-nmc2-ups"};
  const auto files = test::yaml_files(test::source_dir / "config/meters");
  CHECK(files.size() >= 91);
  for (const fs::path& file : files) {
    CAPTURE(file.string());
    const MeterProfile profile = read_shipped(file);
    const bool metered = has(profile, Quantity::active_power) || has(profile, Quantity::energy_import);
    const bool excused = std::ranges::find(without, profile.id) != without.end();
    CHECK(metered != excused);
    CHECK((metered || profile.has({Quantity::voltage})));
    CHECK_FALSE(profile.sources.empty());
    CHECK((profile.confidence == "one-source" || profile.sources.size() >= 2));
    CHECK(keeps_its_limits(profile));
  }
}

TEST_CASE("a shipped meter with phases has no voltage or current of the whole beside them") {
  for (const fs::path& file : test::yaml_files(test::source_dir / "config/meters")) {
    CAPTURE(file.string());
    const MeterProfile profile = read_shipped(file);
    for (const Quantity quantity : {Quantity::voltage, Quantity::current})
      CHECK((!profile.has({quantity}) || !profile.has({quantity, Place::l1})));
  }
}

TEST_CASE("profiles are looked for where users put theirs, then among the shipped") {
  const std::vector<fs::path> folders = default_data_paths().meter_profiles;
  REQUIRE(folders.size() == 2);
  CHECK(folders[0] == "/etc/flopwatt/meters");
  CHECK(fs::exists(folders[1] / "eastron-sdm630.yml"));
}

TEST_CASE("eastron-sdm630 is what its maker's protocol says") {
  std::vector<Finding> findings;
  Reporter report(findings, "f.yml");
  ProfileLibrary library({test::source_dir / "config/meters"}, "");
  YamlNode name;
  name.kind = YamlNode::Kind::scalar;
  name.text = "eastron-sdm630";
  const MeterProfile* profile = library.find(name, report);
  REQUIRE(profile != nullptr);
  CHECK(profile->id == "eastron-sdm630");
  CHECK(profile->vendor == "Eastron");
  CHECK(profile->confidence == "two-sources");
  CHECK(profile->limits.max_registers == 80);
  CHECK(profile->limits.even);
  CHECK(profile->limits.max_hole == 0);
  REQUIRE(profile->identify.size() == 1);
  CHECK(profile->identify[0].address == 64512);
  CHECK(profile->identify[0].wire == Wire::u32);
  CHECK(profile->registers.size() == 17);
  for (const Register& one : profile->registers) {
    CHECK(one.function == 4);
    CHECK(one.wire == Wire::f32);
    CHECK(one.word_order == WordOrder::big);
  }
  const auto at = [&](Quantity quantity, Place place = Place::whole) {
    const Register* found = find(*profile, {quantity, place});
    return found == nullptr ? -1 : int{found->address};
  };
  CHECK(at(Quantity::voltage, Place::l1) == 0);
  CHECK(at(Quantity::voltage, Place::l3) == 4);
  CHECK(at(Quantity::current, Place::l2) == 8);
  CHECK(at(Quantity::current, Place::n) == 224);
  CHECK(at(Quantity::active_power, Place::l3) == 16);
  CHECK(at(Quantity::active_power) == 52);
  CHECK(at(Quantity::apparent_power) == 56);
  CHECK(at(Quantity::reactive_power) == 60);
  CHECK(at(Quantity::power_factor) == 62);
  CHECK(at(Quantity::frequency) == 70);
  CHECK(at(Quantity::energy_import) == 72);
  CHECK(at(Quantity::energy_export) == 74);
  CHECK(find(*profile, {Quantity::energy_import})->scale == 1000.0);  // kWh, held in Wh
  CHECK(find(*profile, {Quantity::active_power})->scale == 1.0);
  CHECK(library.find(name, report) == profile);  // read once
}

namespace {

MeterProfile shipped_profile(const std::string& id) {
  std::vector<Finding> findings;
  Reporter report(findings, "f.yml");
  ProfileLibrary library({test::source_dir / "config/meters"}, "");
  YamlNode name;
  name.kind = YamlNode::Kind::scalar;
  name.text = id;
  const MeterProfile* profile = library.find(name, report);
  REQUIRE(profile != nullptr);
  return *profile;
}

// A register as it is to be: address, type, order of words, scale to the held unit.
void check_register(const MeterProfile& profile, Channel channel, int address, Wire wire, WordOrder order,
                    double scale) {
  CAPTURE(address);
  const Register* one = find(profile, channel);
  REQUIRE(one != nullptr);
  CHECK(one->address == address);
  CHECK(one->wire == wire);
  CHECK(one->word_order == order);
  CHECK(one->scale == scale);
  CHECK(one->resolution == 0);  // an integer's scale is its step
  CHECK(one->function == 3);
}

}  // namespace

TEST_CASE("abb-b23-b24: hexadecimal addresses as on the wire, steps of 0.01 kWh in 64 bits") {
  const MeterProfile abb = shipped_profile("abb-b23-b24");
  using Q = Quantity;
  constexpr auto big = WordOrder::big;
  CHECK(abb.registers.size() == 20);
  check_register(abb, {Q::energy_import}, 0x5000, Wire::u64, big, 10);
  check_register(abb, {Q::energy_export}, 0x5004, Wire::u64, big, 10);
  check_register(abb, {Q::voltage, Place::l1}, 0x5B00, Wire::u32, big, 0.1);
  check_register(abb, {Q::voltage, Place::l3_l1}, 0x5B0A, Wire::u32, big, 0.1);
  check_register(abb, {Q::current, Place::n}, 0x5B12, Wire::u32, big, 0.01);
  check_register(abb, {Q::active_power}, 0x5B14, Wire::i32, big, 0.01);
  check_register(abb, {Q::active_power, Place::l3}, 0x5B1A, Wire::i32, big, 0.01);
  check_register(abb, {Q::reactive_power}, 0x5B1C, Wire::i32, big, 0.01);
  check_register(abb, {Q::apparent_power}, 0x5B24, Wire::i32, big, 0.01);
  check_register(abb, {Q::frequency}, 0x5B2C, Wire::u16, big, 0.01);
  check_register(abb, {Q::power_factor}, 0x5B3A, Wire::i16, big, 0.001);
  std::vector<std::int64_t> types;
  for (const IdentifyingRegister& one : abb.identify)
    types.insert(types.end(), one.expected.begin(), one.expected.end());
  CHECK(types == std::vector<std::int64_t>{0x42323320, 0x42323420});  // "B23 ", "B24 "
}

TEST_CASE("schneider-iem3155: registers counted from 1 in its manual, from 0 here") {
  const MeterProfile iem = shipped_profile("schneider-iem3155-3255-3355");
  using Q = Quantity;
  constexpr auto big = WordOrder::big;
  CHECK(iem.registers.size() == 18);
  check_register(iem, {Q::current, Place::l1}, 3000 - 1, Wire::f32, big, 1);
  check_register(iem, {Q::voltage, Place::l1_l2}, 3020 - 1, Wire::f32, big, 1);
  check_register(iem, {Q::voltage, Place::l1}, 3028 - 1, Wire::f32, big, 1);
  check_register(iem, {Q::active_power}, 3060 - 1, Wire::f32, big, 1000);
  check_register(iem, {Q::active_power, Place::l1}, 3054 - 1, Wire::f32, big, 1000);
  check_register(iem, {Q::frequency}, 3110 - 1, Wire::f32, big, 1);
  check_register(iem, {Q::energy_import}, 3204 - 1, Wire::i64, big, 1);
  check_register(iem, {Q::energy_export}, 3208 - 1, Wire::i64, big, 1);
  CHECK_FALSE(iem.has({Q::power_factor}));  // coded over four quadrants
}

TEST_CASE("carlo-gavazzi-em24-din: low word first, the import that is never reset") {
  const MeterProfile em24 = shipped_profile("carlo-gavazzi-em24-din");
  using Q = Quantity;
  constexpr auto little = WordOrder::little;
  CHECK(em24.registers.size() == 19);
  CHECK(em24.limits.max_registers == 11);
  CHECK(em24.limits.max_hole == 0);
  check_register(em24, {Q::voltage, Place::l1}, 0, Wire::i32, little, 0.1);
  check_register(em24, {Q::voltage, Place::l3_l1}, 10, Wire::i32, little, 0.1);
  check_register(em24, {Q::current, Place::l2}, 14, Wire::i32, little, 0.001);
  check_register(em24, {Q::active_power}, 0x28, Wire::i32, little, 0.1);
  check_register(em24, {Q::power_factor}, 0x35, Wire::i16, WordOrder::big, 0.001);
  check_register(em24, {Q::frequency}, 0x37, Wire::i16, WordOrder::big, 0.1);
  check_register(em24, {Q::energy_import}, 0x3E, Wire::i32, little, 100);
  check_register(em24, {Q::energy_export}, 0x5C, Wire::i32, little, 100);
}

TEST_CASE("registers of branch circuits") {
  const MeterProfile profile = read_good(
      "{quantity: active_power, address: 0, function: 3, type: u16},"
      "{quantity: active_power, branch: 1, address: 1, function: 3, type: u16},"
      "{quantity: current, branch: 1, address: 2, function: 3, type: u16, unit: mA},"
      "{quantity: energy_import, branch: 48, address: 3, function: 3, type: u32, unit: kWh}");
  CHECK(profile.has({Quantity::active_power, Place::branch, 1}));
  CHECK(profile.has({Quantity::current, Place::branch, 1}));
  CHECK(find(profile, {Quantity::energy_import, Place::branch, 48})->scale == 1000);
  CHECK_FALSE(profile.has({Quantity::energy_import, Place::branch, 1}));
}

TEST_CASE("scale and unit together give the held value") {
  const MeterProfile profile = read_good(
      "{quantity: energy_import, address: 0, function: 3, type: u32, unit: kWh, scale: 0.1, resolution: 0.1},"
      "{quantity: active_power, address: 2, function: 3, type: i32, unit: kW, scale: -0.001, word_order: "
      "little},"
      "{quantity: energy_export, address: 4, function: 3, type: u64, unit: MJ},"
      "{quantity: current, phase: L1, address: 0x10, function: 3, type: u16, unit: mA},"
      "{quantity: voltage, lines: L3-L1, address: 17, function: 4, type: f64}");
  CHECK(find(profile, {Quantity::energy_import})->scale == doctest::Approx(100.0));
  CHECK(find(profile, {Quantity::energy_import})->resolution == doctest::Approx(100.0));
  CHECK(find(profile, {Quantity::active_power})->scale == doctest::Approx(-1.0));
  CHECK(find(profile, {Quantity::active_power})->word_order == WordOrder::little);
  CHECK(find(profile, {Quantity::energy_export})->scale * 3.6 == doctest::Approx(1000.0));
  CHECK(find(profile, {Quantity::current, Place::l1})->address == 16);
  CHECK(find(profile, {Quantity::current, Place::l1})->scale == doctest::Approx(0.001));
  const Register* lines = find(profile, {Quantity::voltage, Place::l3_l1});
  REQUIRE(lines != nullptr);
  CHECK(lines->scale == 1.0);
  CHECK(lines->width() == 4);
}

TEST_CASE("the width of every type") {
  Register one;
  for (const auto& [wire, width] : std::vector<std::pair<Wire, int>>{{Wire::u16, 1},
                                                                     {Wire::i16, 1},
                                                                     {Wire::u32, 2},
                                                                     {Wire::i32, 2},
                                                                     {Wire::f32, 2},
                                                                     {Wire::u64, 4},
                                                                     {Wire::i64, 4},
                                                                     {Wire::f64, 4}}) {
    one.wire = wire;
    CHECK(one.width() == width);
  }
}

TEST_CASE("the last register of the address space can be read") {
  const MeterProfile profile =
      read_good("{quantity: active_power, address: 65534, function: 3, type: f32}", "{max_registers: 2}");
  CHECK(profile.registers[0].address == 65534);
}

TEST_CASE("a user's profile goes before the shipped one of the same name") {
  const fs::path folder = fs::temp_directory_path() / ("flopwatt-profiles-" + std::to_string(getpid()));
  fs::create_directories(folder);
  std::ofstream(folder / "eastron-sdm630.yml")
      << "{vendor: Mine, model: M, confidence: one-source, sources: [me], "
         "registers: [{quantity: active_power, address: 1, "
         "function: 3, type: u16}]}";
  std::vector<Finding> findings;
  Reporter report(findings, "f.yml");
  ProfileLibrary library({folder, test::source_dir / "config/meters"}, folder);
  YamlNode name;
  name.kind = YamlNode::Kind::scalar;
  name.text = "eastron-sdm630";
  REQUIRE(library.find(name, report) != nullptr);
  CHECK(library.find(name, report)->vendor == "Mine");
  name.text = "./eastron-sdm630.yml";  // a path, beside the configuration
  CHECK(library.find(name, report)->vendor == "Mine");
  const std::map<std::string, fs::path> files = find_profiles({folder, test::source_dir / "config/meters"});
  CHECK(files.at("eastron-sdm630").parent_path() == folder);
  CHECK(files.at("abb-b21").parent_path() == test::source_dir / "config/meters");
  fs::remove_all(folder);
}
