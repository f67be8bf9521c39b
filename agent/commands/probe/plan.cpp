#include "agent/commands/probe/plan.h"

#include <algorithm>
#include <array>
#include <chrono>
#include <utility>

#include "config/parse_address.h"
#include "config/profiles/parse_ranges.h"
#include "config/profiles/serial_time.h"
#include "drivers/modbus/wire/request_time.h"

namespace flopwatt::commands {
namespace {

using namespace std::chrono_literals;

constexpr microseconds network_timeout = 1s;
constexpr microseconds line_timeout = 300ms;
constexpr std::uint16_t cheapest_read = 2;  // registers

constexpr std::string_view default_line_units = "1-247";
/// Devices on TCP answer as 1, or only as 255 or 0.
constexpr std::array<std::uint8_t, 3> default_tcp_units = {1, 255, 0};

std::vector<std::string> parts_of(std::string_view text) {
  std::vector<std::string> parts;
  for (std::size_t begin = 0; begin <= text.size();) {
    const std::size_t end = std::min(text.find(',', begin), text.size());
    parts.emplace_back(text.substr(begin, end - begin));
    begin = end + 1;
  }
  return parts;
}

Parsed<std::vector<std::uint32_t>> parse_bauds(const std::string& text) {
  using Result = Parsed<std::vector<std::uint32_t>>;
  std::vector<std::uint32_t> bauds;
  for (const std::string& part : parts_of(text)) {
    const auto baud = parse_integer(part).value.value_or(0);
    if (std::ranges::find(standard_bauds, baud) == standard_bauds.end())
      return Result::bad("--baud: '" + part + "' is no standard rate; write 9600 or 9600,19200");
    bauds.push_back(static_cast<std::uint32_t>(baud));
  }
  return Result::good(bauds);
}

Parsed<std::vector<Parity>> parse_parities(const std::string& text) {
  using Result = Parsed<std::vector<Parity>>;
  std::vector<Parity> parities;
  for (const std::string& part : parts_of(text)) {
    if (part == "none")
      parities.push_back(Parity::none);
    else if (part == "even")
      parities.push_back(Parity::even);
    else if (part == "odd")
      parities.push_back(Parity::odd);
    else
      return Result::bad("--parity: '" + part + "'; write none, even, odd, or several with commas between");
  }
  return Result::good(parities);
}

std::string advice_of_line(const ProbeArguments& arguments, ProbePlan& plan) {
  if (plan.address.transport != Transport::rtu) {
    plan.settings = {SerialSettings{}};
    const bool given = !arguments.baud.empty() || !arguments.parity.empty() || !arguments.stop_bits.empty();
    return given ? "--baud, --parity and --stop_bits are of serial lines (rtu://); leave them out, and set "
                   "them at the device server where there is one"
                 : "";
  }
  const auto bauds = parse_bauds(arguments.baud.empty() ? "9600" : arguments.baud);
  if (!bauds.value) return bauds.advice;
  const auto parities = parse_parities(arguments.parity.empty() ? "none" : arguments.parity);
  if (!parities.value) return parities.advice;
  const std::string stop_bits = arguments.stop_bits.empty() ? "1" : arguments.stop_bits;
  if (stop_bits != "1" && stop_bits != "2") return "--stop_bits: '" + stop_bits + "'; write 1 or 2";
  for (const std::uint32_t baud : *bauds.value)
    for (const Parity parity : *parities.value)
      plan.settings.push_back({baud, parity, static_cast<std::uint8_t>(stop_bits.front() - '0')});
  return "";
}

std::string advice_of_units(const ProbeArguments& arguments, ProbePlan& plan) {
  if (arguments.unit_id.empty() && plan.address.transport == Transport::tcp) {
    plan.units.assign(default_tcp_units.begin(), default_tcp_units.end());
    plan.first_only = true;
    return "";
  }
  auto units =
      parse_units(arguments.unit_id.empty() ? default_line_units : arguments.unit_id, plan.address.transport);
  if (!units.value) return "--unit_id: " + units.advice;
  plan.units = std::move(*units.value);
  return "";
}

std::string advice_of_timeout(const ProbeArguments& arguments, ProbePlan& plan) {
  plan.timeout = plan.address.transport == Transport::rtu ? line_timeout : network_timeout;
  if (arguments.timeout.empty()) return "";
  const auto timeout = parse_duration(arguments.timeout);
  if (!timeout.value) return "--timeout: '" + arguments.timeout + "'; " + timeout.advice;
  if (*timeout.value < 20ms || *timeout.value > 60s)
    return "--timeout: '" + arguments.timeout + "'; write 20ms to 60s";
  plan.timeout = *timeout.value;
  return "";
}

}  // namespace

microseconds ProbePlan::silence() const {
  // A connection is opened again after two timeouts, at most once a second.
  if (address.transport != Transport::rtu) return timeout + microseconds(250ms);
  return timeout + modbus::exchange_time(settings.front(), cheapest_read);
}

microseconds ProbePlan::longest_silence() const {
  if (address.transport != Transport::rtu) return silence() * static_cast<std::int64_t>(units.size());
  microseconds of_one_unit{0};
  for (const SerialSettings& one : settings)
    of_one_unit += timeout + modbus::exchange_time(one, cheapest_read);
  return of_one_unit * static_cast<std::int64_t>(units.size());
}

Parsed<std::vector<std::uint8_t>> parse_units(std::string_view text, Transport transport) {
  using Result = Parsed<std::vector<std::uint8_t>>;
  const bool tcp = transport == Transport::tcp;
  std::vector<std::uint8_t> units;
  for (const std::string& part : parts_of(text)) {
    const auto range = parse_range(part);
    if (!range.value) return Result::bad("'" + part + "'; write 7, 1-247, or several with commas between");
    const auto& [first, last] = *range.value;
    const bool on_line = first >= 1 && last <= 247;
    const bool only_tcp = first == 0 ? last <= 247 : first == 255 && last == 255;
    if (!on_line && !(tcp && only_tcp))
      return Result::bad("'" + part + "'; units are 1 to 247" + (tcp ? ", on TCP also 0 and 255" : ""));
    for (unsigned unit = first; unit <= last; ++unit)
      if (std::ranges::find(units, unit) == units.end()) units.push_back(static_cast<std::uint8_t>(unit));
  }
  return Result::good(std::move(units));
}

Parsed<ProbePlan> plan_probe(const ProbeArguments& arguments) {
  using Result = Parsed<ProbePlan>;
  ProbePlan plan;
  const auto address = parse_modbus_address(arguments.address);
  if (!address.value) return Result::bad("address: '" + arguments.address + "'; " + address.advice);
  plan.address = *address.value;
  for (const auto read : {advice_of_units, advice_of_line, advice_of_timeout})
    if (std::string advice = read(arguments, plan); !advice.empty()) return Result::bad(std::move(advice));
  return Result::good(std::move(plan));
}

}  // namespace flopwatt::commands
