#include "drivers/modbus/meter.h"

#include <algorithm>
#include <tuple>
#include <utility>

#include "drivers/modbus/bus_plan.h"
#include "drivers/modbus/fault_text.h"
#include "drivers/modbus/registers/decode.h"
#include "drivers/modbus/sunspec/sunspec.h"
#include "drivers/modbus/why_absent.h"
#include "drivers/modbus/wire/exceptions.h"
#include "drivers/modbus/wire/request_time.h"
#include "runtime/backoff.h"
#include "runtime/clock.h"
#include "runtime/log.h"
#include "runtime/text/number_text.h"

namespace flopwatt::modbus {
namespace {

using std::chrono::microseconds;
using std::chrono::steady_clock;

// Model 1 with its header, the longest that is asked for when a device is searched for its models.
constexpr std::uint16_t longest_of_walk = 68;

microseconds since(SteadyTime begin) {
  return std::chrono::duration_cast<microseconds>(steady_clock::now() - begin);
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
  source->refresh = config.profile.refresh;
  for (const Register& reg : config.profile.registers) source->fields.push_back(field_of(reg, 1));
  return source;
}

Meter::Meter(const MeterConfig& config, SourcePtr source, SourceId id, Beats beats)
    : config_(config),
      planned_cycle_(source->effective_period),
      source_(std::move(source)),
      id_(id),
      identity_(config_),
      values_(config.profile.registers),
      reads_(config.profile.registers, config.profile.limits, config.interval),
      counters_(config.name, config.unit_id),
      health_(config.interval),
      beats_(beats) {}

bool Meter::is(const MeterConfig& config) const {
  const auto wire = [](const MeterConfig& meter) {
    return std::tie(meter.unit_id, meter.profile.registers, meter.profile.limits, meter.profile.sunspec,
                    meter.sunspec_model, meter.timeout, meter.timeout_grows, meter.pause,
                    meter.close_after_poll, meter.accept_unit_mismatch, meter.invert);
  };
  return wire(config) == wire(config_) && *make_source(config, {}) == *make_source(config_, {});
}

SourcePtr Meter::update(microseconds planned_cycle) {
  planned_cycle_ = planned_cycle;
  beats_.set_pace(pace_of(config_.interval, planned_cycle));
  SourcePtr described = describe();
  if (*described == *source_) return nullptr;
  source_ = std::move(described);
  return source_;
}

// What is configured, and what the device says.
SourcePtr Meter::describe() const {
  auto source = std::make_shared<Source>(*make_source(config_, planned_cycle_));
  identity_.describe(source->identity);
  source->fields = values_.fields();
  return source;
}

boost::asio::awaitable<PollStep> Meter::poll(Connection& connection) {
  const SteadyTime begin = steady_clock::now();
  const Traffic before = connection.traffic();
  if (!round_) begin_round(begin);
  std::optional<Fault> no_models;
  if (!round_->set_time() && identity_.wants_search(before.openings, health_.failing())) {
    no_models = co_await find_models(connection);
    if (!no_models) reads_.begin_round(begin, true);
  }
  while (!no_models) {
    const auto next = next_read(connection);
    if (!next) break;
    const PlannedRead& planned = reads_.reads()[*next].planned;
    const auto answer = co_await connection.read(
        {config_.unit_id, planned.function, planned.address, planned.count}, options_for(planned.count));
    if (answer)
      take(*next, *answer);
    else if (ends_round(*next, answer.error()))
      break;
  }
  const auto resume_at = no_models ? std::nullopt : reads_.next_at();
  if (!resume_at && round_->set_time() && !round_->fault())
    if (const auto* place = identity_.unread_serial_number()) co_await read_serial_number(*place, connection);
  counters_.add(before, connection.traffic());
  round_->add_duration(since(begin));
  if (resume_at) {
    round_->pause(*resume_at);
    co_return PollPaused{};
  }
  co_return end_poll(no_models ? Result<ReadingSet>(std::move(*no_models)) : make_set());
}

void Meter::begin_round(SteadyTime now) {
  round_.emplace(now, beats_.due(), config_.interval);
  reads_.begin_round(now, health_.failing());
  values_.begin();
}

// Requests that are sent once for each connection, and those that were refused, come after the others: by
// then the connection is there.
std::optional<std::size_t> Meter::next_read(const Connection& connection) {
  const SteadyTime now = steady_clock::now();
  const auto next = reads_.next(now);
  const auto* read = next ? &reads_.reads()[*next] : nullptr;
  const bool is_usual = read != nullptr && !read->at_connect && !read->set_aside;
  if (is_usual || !round_->set_time() || !round_->begin_session_check()) return next;
  if (!identity_.begin_session(connection.traffic().openings)) return next;
  // The device may be another one: its scale registers are read again.
  for (const AdaptiveReads::Read& one : reads_.reads())
    if (one.at_connect) values_.forget_factors(one.planned.slots);
  reads_.connected(now);
  return reads_.next(now);
}

ReadOptions Meter::options_for(std::uint16_t count) const {
  const bool is_short = health_.attempt_is_short() && !round_->set_time();
  return {
      is_short ? short_timeout(config_, count, counters_.slowest_answer()) : answer_timeout(config_, count),
      config_.pause, config_.accept_unit_mismatch};
}

// `fault` of a transaction of `count` registers with options_for(count).
Fault Meter::explain(const Fault& fault, std::uint16_t count) const {
  return explained(fault, source_->name, options_for(count).timeout < answer_timeout(config_, count));
}

void Meter::take(std::size_t index, const Answer& answer) {
  const AdaptiveReads::Read& read = reads_.reads()[index];
  counters_.answered(microseconds(answer.received.monotonic_us - answer.sent.monotonic_us));
  values_.take(read.planned.slots, answer.registers);
  if (!read.at_connect) round_->answered(answer, read.time_rank);
  reads_.answered(index);
}

// The set goes on without the values of this request. The intake does not see this fault, so it is logged
// here, once. False: the unit refused this request, and may answer others.
bool Meter::ends_round(std::size_t index, const Fault& fault) {
  const AdaptiveReads::Read& read = reads_.reads()[index];
  const Fault reported = explain(fault, read.planned.count);
  round_->failed(reported);
  const bool is_refusal = unit_refused(fault);
  const bool is_poll_lost = !round_->set_time() && (!is_refusal || reads_.reads().size() == 1);
  const bool is_news = read.fault.empty() && !is_poll_lost;  // lost polls are reported by the intake
  const bool is_set_aside =
      reads_.failed(index, fault, reported.message, steady_clock::now(), round_->end(), chance());
  if (is_set_aside && calls_for(RequestStep::split, fault)) identity_.register_is_missing();
  if (is_news || is_set_aside)
    log::warn("some values of a meter are absent", {{"meter", source_->name},
                                                    {"fault", std::string(name_of(fault.fault_class))},
                                                    {"reason", reported.message}});
  if (is_refusal) return false;
  // The others would cost a timeout each.
  reads_.end_round("not asked for, since the request before failed");
  return true;
}

PollEnded Meter::end_poll(Result<ReadingSet> set) {
  PollEnded ended{std::move(set), round_->lateness(), round_->duration()};
  round_.reset();
  return ended;
}

Result<ReadingSet> Meter::make_set() {
  const auto& time = round_->set_time();
  if (!time) {
    if (round_->fault()) return *round_->fault();
    // Every request is set aside, since its registers do not exist, and none of them is due again.
    return Fault{FaultClass::exception, reads_.reads().front().fault,
                 static_cast<int>(ModbusException::illegal_data_address)};
  }
  const bool factors_changed = values_.factors_changed();
  if (factors_changed || source_->identity.serial != identity_.serial()) source_ = describe();
  ReadingSet set{source_, time->middle, time->half_duration_us, std::vector<double>(source_->fields.size())};
  values_.write(set.values);
  return set;
}

boost::asio::awaitable<std::optional<Fault>> Meter::find_models(Connection& connection) {
  const auto device = co_await discover_sunspec(connection, config_.unit_id, options_for(longest_of_walk));
  if (!device) co_return explain(device.error(), longest_of_walk);
  const auto is_other = identity_.take_search(*device, connection.traffic().openings);
  if (!is_other) co_return is_other.error();
  if (*is_other) {
    const MeterProfile& profile = identity_.profile();
    values_ = MeterValues(profile.registers);
    reads_ = AdaptiveReads(profile.registers, profile.limits, config_.interval);
    source_ = describe();
  }
  co_return std::nullopt;
}

boost::asio::awaitable<void> Meter::read_serial_number(const IdentifyingRegister& place,
                                                       Connection& connection) {
  const ReadRequest request{config_.unit_id, static_cast<ReadFunction>(place.function), place.address,
                            place.width()};
  const auto answer = co_await connection.read(request, options_for(place.width()));
  identity_.take_serial_number(answer);
}

std::string Meter::why_absent(Channel channel) const {
  return modbus::why_absent(reads_, values_, channel, steady_clock::now());
}

std::uint64_t Meter::succeeded(SteadyTime now) {
  health_.answered();
  counters_.set_quarantined(false);
  return beats_.advance(now);
}

Fault Meter::failed(Fault fault, SteadyTime now, SteadyTime connection_retry_at, bool shares_line) {
  // Without a connection the meter is not to blame: it is due again when the connection is tried again.
  if (fault.fault_class == FaultClass::connection) {
    beats_.defer(std::max(now, connection_retry_at));
    return fault;
  }
  identity_.may_be_exchanged();
  // Registers that do not exist may be found elsewhere at once.
  const bool is_moved = identity_.search_again() && fault.fault_class == FaultClass::exception;
  health_.failed(is_moved ? UnitState::failing : state_after(fault), now, shares_line, chance());
  counters_.set_quarantined(health_.quarantined());
  beats_.defer(health_.retry_at());
  if (health_.quarantined())
    fault.message +=
        "; it is left alone now and asked again at " + time_of_day(beats_.due(), flopwatt::now());
  return fault;
}

}  // namespace flopwatt::modbus
