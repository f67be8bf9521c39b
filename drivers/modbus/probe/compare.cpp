#include "drivers/modbus/probe/compare.h"

#include <algorithm>
#include <memory>
#include <optional>
#include <utility>

#include "drivers/modbus/registers/decode.h"
#include "readings/two_samples.h"
#include "runtime/async.h"
#include "runtime/clock.h"

namespace flopwatt::modbus {
namespace {

using std::chrono::steady_clock;

// Of the whole meter: energy both ways, power, and the power of its phases.
std::vector<Register> registers_to_compare(const MeterProfile& profile) {
  std::vector<Register> registers;
  for (const Register& reg : profile.registers) {
    const auto [quantity, place, branch] = reg.channel;
    const bool is_energy = quantity == Quantity::energy_import || quantity == Quantity::energy_export;
    const bool is_phase = kind_of(place) == PlaceKind::phase;
    if ((is_energy && place == Place::whole) ||
        (quantity == Quantity::active_power && (place == Place::whole || is_phase)))
      registers.push_back(reg);
  }
  return registers;
}

SourcePtr source_of(const std::vector<Register>& registers, const MeterProfile& profile) {
  auto source = std::make_shared<Source>();
  source->kind = SourceKind::meter;
  source->refresh = profile.refresh;
  for (const Register& reg : registers) {
    Field field = field_of(reg, 1);
    // The step follows from a register that the device sets: it may be a whole kWh.
    if (!reg.scaled_by.empty()) field = {reg.channel, Wire::f32, 1000, 0};
    source->fields.push_back(field);
  }
  return source;
}

}  // namespace

awaitable<std::vector<std::string>> compare_registers(Connection& connection, std::uint8_t unit,
                                                      const MeterProfile& profile,
                                                      const InterviewOptions& options,
                                                      std::chrono::seconds limit) {
  const std::vector<Register> registers = registers_to_compare(profile);
  const SourcePtr source = source_of(registers, profile);
  std::optional<ReadingSet> first;
  ComparedSamples compared;
  const auto begin = steady_clock::now();
  auto wait = std::chrono::microseconds(0);
  for (bool is_open = true; is_open;) {
    co_await sleep_until(begin + wait);
    Interview interview(connection, unit, options);
    const Moment before = now();
    ReadingSet set{source, before, 0, {}};
    // One by one: a device that lacks one of them would refuse a request for several.
    for (const Register& reg : registers) {
      const ReadPlan plan = plan_reads({&reg, 1}, profile.limits);
      for (const Question& question : questions_of(plan)) co_await interview.ask(question);
      set.values.push_back(values_of({&reg, 1}, plan, interview.answers()).front());
    }
    if (interview.fault()) break;
    if (first) {
      compared = compare_samples(*first, set);
      is_open = compared.is_open && wait < limit;
      wait = limit;
      continue;
    }
    const auto needed = seconds_to_compare(set);
    if (!needed) break;
    wait = std::min(
        std::chrono::duration_cast<std::chrono::microseconds>(std::chrono::duration<double>(*needed)),
        std::chrono::microseconds(limit));
    first = std::move(set);
  }
  co_return compared.contradictions;
}

}  // namespace flopwatt::modbus
