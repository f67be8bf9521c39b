#include "agent/commands/probe/report.h"

#include <doctest/doctest.h>

#include <string>

using namespace flopwatt;
using namespace flopwatt::commands;
using modbus::Confidence;
using modbus::ProbedUnit;
using modbus::ProbeMatch;

namespace {

ProbeMatch match(const std::string& profile, Confidence confidence, const std::string& serial = "") {
  return {profile, 0, confidence, 0.5, {"because"}, "Acme", "M 1", serial};
}

ProbedUnit unit(std::uint8_t id, std::vector<ProbeMatch> found) {
  ProbedUnit made;
  made.unit = id;
  made.answers = true;
  made.found = std::move(found);
  return made;
}

}  // namespace

TEST_CASE("of each unit the best profile is configured, the others are named beside it") {
  ProbeReport report{{"10.0.0.1", 502, Transport::tcp}, {}, {}};
  report.units = {unit(3, {match("a", Confidence::likely), match("b", Confidence::possible),
                           match("c", Confidence::possible)}),
                  unit(4, {})};
  CHECK(configuration_text(report) ==
        "meters:\n"
        "  - name: a-3  # likely: Acme M 1\n"
        "    address: 'tcp://10.0.0.1:502'\n"
        "    unit_id: 3\n"
        "    profile: a  # or b, c\n");
  CHECK(table_text(report).find("unit 4: it answers, but no profile fits") != std::string::npos);
}

TEST_CASE("what holds for all profiles of a unit stands once, before them") {
  ProbeReport report{{"10.0.0.1", 502, Transport::tcp}, {}, {}};
  report.units = {unit(3, {match("a", Confidence::possible), match("b", Confidence::possible)})};
  report.units.front().note = "values alone identify no model: 2 profiles fit";
  CHECK(table_text(report).starts_with(
      "unit 3\n  values alone identify no model: 2 profiles fit\n  a: possible"));
  CHECK(json_text(report).find("\"note\":\"values alone identify no model: 2 profiles fit\"") !=
        std::string::npos);
}

TEST_CASE("a serial line becomes a bus of a name that is one") {
  ProbeReport report{{"/dev/serial/by-id/usb-FTDI_(R).x:1'", 0, Transport::rtu}, {19200, Parity::odd, 2}, {}};
  report.units = {unit(9, {match("a", Confidence::certain, "7")})};
  CHECK(configuration_text(report) ==
        "buses:\n"
        "  - name: usb-FTDI_-R--x-1-\n"
        "    address: 'rtu:///dev/serial/by-id/usb-FTDI_(R).x:1'''\n"
        "    baud: 19200\n"
        "    parity: odd\n"
        "    stop_bits: 2\n"
        "meters:\n"
        "  - name: a-9  # certain: Acme M 1, serial 7\n"
        "    bus: usb-FTDI_-R--x-1-\n"
        "    unit_id: 9\n"
        "    profile: a\n");
}

TEST_CASE("each meter of a SunSpec device is configured; a device under several units once") {
  ProbeReport report{{"h", 502, Transport::tcp}, {}, {}};
  auto first = match("sunspec", Confidence::certain, "A");
  auto second = first;
  first.sunspec_model = 1;
  second.sunspec_model = 2;
  report.units = {unit(1, {first, second}), unit(2, {first, second}), unit(3, {})};
  const std::string text = configuration_text(report);
  CHECK(text.find("name: sunspec-1 ") != std::string::npos);
  CHECK(text.find("name: sunspec-1-2 ") != std::string::npos);
  CHECK(text.find("sunspec_model: 2") != std::string::npos);
  CHECK(text.find("sunspec_model: 1") == std::string::npos);
  CHECK(text.find("unit_id: 2") == std::string::npos);
  CHECK(json_text(report).find("\"same_as_unit_id\":1") != std::string::npos);
  report.units = {unit(3, {})};
  CHECK(configuration_text(report).empty());
}
