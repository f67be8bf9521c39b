#include "drivers/modbus/meter.h"

#include <algorithm>
#include <string>
#include <tuple>
#include <utility>

#include "drivers/modbus/decode.h"
#include "runtime/clock.h"
#include "runtime/log.h"
#include "runtime/number_text.h"

namespace flopwatt::modbus {
namespace {

using namespace std::chrono_literals;
using std::chrono::microseconds;
using std::chrono::steady_clock;

// What the user can do about an exception (MODBUS Application Protocol V1.1b3, 7).
std::string_view advice(int exception) {
  switch (exception) {
    case 1:
      return "the device does not know this function: set `function` to the other of 3 and 4";
    case 2:
      return "the device has no such registers: compare the profile with the manual of this model; if single "
             "registers are readable, lower max_registers";
    case 3:
      return "the device refuses this number of registers: lower max_registers";
    case 5:
    case 6:
      return "the device is busy: make its interval longer, and see who else reads it";
    case 10:
      return "the gateway has no path to this unit: check unit_id and the gateway's settings";
    case 11:
      return "the unit behind the gateway does not answer: check unit_id, its power and its wiring";
    default:
      return "the device reports a failure: see its own display or log";
  }
}

Fault explained(Fault fault, const std::string& meter) {
  fault.message = "meter " + meter + ": " + fault.message;
  if (fault.fault_class == FaultClass::exception) fault.message.append(": ").append(advice(fault.code));
  if (fault.fault_class == FaultClass::timeout)
    fault.message.append("; check that the meter is on, its unit_id, and whether it needs a longer timeout");
  return fault;
}

}  // namespace

SourcePtr make_source(const MeterConfig& config, microseconds planned_cycle) {
  auto source = std::make_shared<Source>();
  source->kind = SourceKind::meter;
  source->name = config.name;
  source->identity.vendor = config.profile.vendor;
  source->identity.model = config.profile.model;
  source->identity.profile = config.profile.id;
  source->identity.feed = config.feed;
  source->identity.branch_labels = config.branch_labels;
  if (!config.accuracy.assumed) append_number(source->identity.accuracy_class, config.accuracy.meter_class);
  source->interval = config.interval;
  source->effective_period = std::max(config.interval, planned_cycle);
  source->accuracy = config.accuracy.meter_class / 100;
  source->ct_accuracy = config.accuracy.ct_class / 100;
  for (const Register& reg : config.profile.registers) source->fields.push_back(field_of(reg, 1));
  return source;
}

Beats::Beats(microseconds interval, microseconds offset, SteadyTime from)
    : interval_(interval),
      schedule_(interval, offset, from),
      due_(std::min(schedule_.due(), Schedule(1s, offset, from).due())) {}

std::uint64_t Beats::advance(SteadyTime now) {
  // An extra first poll is not a beat: the first beat stays where it is.
  const std::uint64_t skipped = schedule_.due() > due_ ? 0 : schedule_.advance(now - interval_);
  due_ = schedule_.due();
  return skipped;
}

void Beats::defer(SteadyTime when) {
  if (schedule_.due() <= due_) schedule_.advance(due_);
  if (schedule_.due() < when) schedule_.advance(when - 1ns);
  due_ = schedule_.due();
}

Meter::Meter(const MeterConfig& config, SourcePtr source, SourceId id, Beats beats)
    : config_(config),
      source_(std::move(source)),
      id_(id),
      options_{config.timeout, config.pause, config.accept_unit_mismatch},
      beats_(beats) {
  for (PlannedRead& read : plan_reads(config.profile.registers, config.profile.limits).reads)
    reads_.push_back({{config.unit_id, read.function, read.address, read.count},
                      std::move(read.slots),
                      Backoff(config.interval),
                      {}});
}

bool Meter::is(const MeterConfig& config) const {
  const auto wire = [](const MeterConfig& meter) {
    return std::tie(meter.unit_id, meter.profile.registers, meter.profile.limits, meter.timeout, meter.pause,
                    meter.close_after_poll, meter.accept_unit_mismatch);
  };
  return wire(config) == wire(config_) && *make_source(config, {}) == *make_source(config_, {});
}

SourcePtr Meter::update(microseconds planned_cycle) {
  SourcePtr described = make_source(config_, planned_cycle);
  if (*described == *source_) return nullptr;
  source_ = std::move(described);
  return source_;
}

boost::asio::awaitable<Result<ReadingSet>> Meter::poll(Connection& connection) {
  ReadingSet set{source_, {}, 0, std::vector<double>(source_->fields.size(), absent)};
  for (Read& read : reads_) {
    const bool first = &read == &reads_.front();
    if (!first && read.backoff.failing() && steady_clock::now() < read.backoff.retry_at()) continue;
    const auto answer = co_await connection.read(read.request, options_);
    if (answer) {
      read.backoff.succeed();
      read.fault.clear();
      take(read, *answer, set.values);
      if (!first) continue;
      set.time = midpoint(answer->sent, answer->received);
      set.half_duration_us = (answer->received.monotonic_us - answer->sent.monotonic_us) / 2;
      continue;
    }
    if (first) co_return explained(answer.error(), source_->name);
    refused(read, answer.error(), steady_clock::now());
    if (answer.error().fault_class == FaultClass::exception) continue;
    // The others would cost a timeout each.
    for (Read* rest = &read + 1; rest <= &reads_.back(); ++rest)
      rest->fault = "not asked for, since the request before failed";
    break;
  }
  co_return set;
}

void Meter::take(const Read& read, const Answer& answer, std::vector<double>& values) const {
  for (const ReadSlot& slot : read.slots) {
    const Register& reg = config_.profile.registers[slot.register_index];
    values[slot.register_index] = value_of(
        decode_raw(answer.registers.subspan(std::size_t{2} * slot.offset, std::size_t{2} * reg.width()), reg),
        reg, 1);
  }
}

// The set goes on without these values. The agent does not see this fault, so it is told here, once.
void Meter::refused(Read& read, const Fault& fault, SteadyTime now) {
  read.fault = explained(fault, source_->name).message;
  if (!read.backoff.failing())
    log::warn("some values of a meter are absent", {{"meter", source_->name},
                                                    {"fault", std::string(name_of(fault.fault_class))},
                                                    {"reason", read.fault}});
  read.backoff.fail(now, chance());
}

std::string Meter::why_absent(Channel channel) const {
  for (const Read& read : reads_) {
    for (const ReadSlot& slot : read.slots) {
      const Register& reg = config_.profile.registers[slot.register_index];
      if (reg.channel != channel) continue;
      if (!read.fault.empty()) return read.fault;
      return "register " + std::to_string(reg.address) + " (function " + std::to_string(reg.function) +
             ") holds the meter's mark for 'not available'";
    }
  }
  return "";
}

std::uint64_t Meter::succeeded(SteadyTime now) { return beats_.advance(now); }

void Meter::failed(FaultClass fault, SteadyTime now, SteadyTime connection_retry_at) {
  Backoff& backoff = reads_.front().backoff;
  // Where there is no connection the meter is not to blame: it is due again when the connection is tried
  // again.
  if (fault == FaultClass::connection) return beats_.defer(std::max(now, connection_retry_at));
  backoff.fail(now, chance());
  beats_.defer(backoff.retry_at());
}

}  // namespace flopwatt::modbus
