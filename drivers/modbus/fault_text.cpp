#include "drivers/modbus/fault_text.h"

#include <string_view>

#include "drivers/modbus/wire/exceptions.h"
#include "runtime/text/number_text.h"

namespace flopwatt::modbus {

Fault explained(Fault fault, const std::string& meter, bool waited_briefly) {
  fault.message = "meter " + meter + ": " + fault.message;
  if (const Consequences* refusal = consequences_of(fault))
    fault.message.append(": ").append(refusal->meaning).append(": ").append(refusal->advice);
  if (fault.fault_class == FaultClass::timeout)
    fault.message.append(waited_briefly
                             ? ", more than it needed when it answered; check that the meter is on, its "
                               "wiring and its unit_id"
                             : "; check that the meter is on, its unit_id, and whether it needs a longer "
                               "timeout");
  return fault;
}

Fault no_sunspec(const std::string& meter, int unit, const std::string& address) {
  return {FaultClass::device,
          "meter " + meter + ": looking for SunSpec in unit " + std::to_string(unit) + " at " + address +
              ": its marker is not at register 40000, 50000 or 0 (functions 3 and 4); check unit_id, that "
              "SunSpec "
              "is enabled in the device, or configure a profile of its own instead of sunspec",
          0};
}

Fault no_sunspec_model(const std::string& meter, int wanted, std::size_t found) {
  return {FaultClass::device,
          "meter " + meter + ": the device has SunSpec, but " +
              (found == 0 ? "no meter model (201 to 204, 211 to 214)"
                          : "only " + std::to_string(found) + " meter model" + (found == 1 ? "" : "s")) +
              ", and sunspec_model is " + std::to_string(wanted) +
              (found == 0 ? "; configure a profile of its own" : "; lower it"),
          0};
}

std::string time_of_day(SteadyTime when, const Moment& now) {
  using namespace std::chrono;
  const auto ahead = duration_cast<microseconds>(when.time_since_epoch()) - microseconds(now.monotonic_us);
  const auto wall = ceil<seconds>(microseconds(now.wall_us) + ahead);
  std::string text;
  append_time(text, microseconds(wall).count());
  constexpr std::size_t day = std::string_view("2026-11-23T").size();
  return text.substr(day, std::string_view("12:44:01").size()) + 'Z';
}

std::string time_until(SteadyTime when, SteadyTime now) {
  using namespace std::chrono;
  if (when <= now) return "at once";
  const auto left = ceil<seconds>(when - now);
  if (left <= minutes(2)) return "in " + std::to_string(left.count()) + " s";
  return "in " + std::to_string(ceil<minutes>(left).count()) + " min";
}

}  // namespace flopwatt::modbus
