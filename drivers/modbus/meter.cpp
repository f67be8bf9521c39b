#include "drivers/modbus/meter.h"

#include <algorithm>
#include <cmath>
#include <tuple>
#include <utility>

#include "drivers/modbus/fault_text.h"
#include "drivers/modbus/registers/decode.h"
#include "drivers/modbus/wire/request_time.h"
#include "runtime/clock.h"
#include "runtime/log.h"
#include "runtime/text/number_text.h"

namespace flopwatt::modbus {
namespace {

using std::chrono::microseconds;
using std::chrono::steady_clock;

// Model 1 with its header, the longest that is asked for when a device is searched for its models.
constexpr std::uint16_t longest_of_walk = 68;

constexpr unsigned no_time = 3;  // above all of Read::time_rank

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
  for (const Register& reg : config.profile.registers) source->fields.push_back(field_of(reg, 1));
  return source;
}

Meter::Meter(const MeterConfig& config, SourcePtr source, SourceId id, Beats beats)
    : config_(config),
      planned_cycle_(source->effective_period),
      source_(std::move(source)),
      id_(id),
      values_(config.profile.registers),
      reads_(config.profile.registers, config.profile.limits, config.interval),
      health_(config.interval),
      beats_(beats) {
  use_.source = config.name;
  use_.unit_id = config.unit_id;
}

bool Meter::is(const MeterConfig& config) const {
  const auto wire = [](const MeterConfig& meter) {
    return std::tie(meter.unit_id, meter.profile.registers, meter.profile.limits, meter.profile.sunspec,
                    meter.sunspec_model, meter.timeout, meter.timeout_grows, meter.pause,
                    meter.close_after_poll, meter.accept_unit_mismatch);
  };
  return wire(config) == wire(config_) && *make_source(config, {}) == *make_source(config_, {});
}

SourcePtr Meter::update(microseconds planned_cycle) {
  planned_cycle_ = planned_cycle;
  SourcePtr described = describe();
  if (*described == *source_) return nullptr;
  source_ = std::move(described);
  return source_;
}

// What is configured, and what the device has told.
SourcePtr Meter::describe() const {
  auto source = std::make_shared<Source>(*make_source(config_, planned_cycle_));
  if (models_) {
    source->identity.vendor = models_->vendor;
    source->identity.model = models_->model;
  }
  source->identity.serial = serial_;
  source->fields = values_.fields();
  return source;
}

boost::asio::awaitable<std::optional<Result<ReadingSet>>> Meter::poll(Connection& connection) {
  const SteadyTime begin = steady_clock::now();
  const Traffic before = connection.traffic();
  if (!in_round_) begin_round(begin);
  if (wants_models(connection)) {
    if (auto fault = co_await find_models(connection)) {
      count(before, connection.traffic());
      duration_ += since(begin);
      in_round_ = false;
      co_return std::move(*fault);
    }
    reads_.begin_round(begin, true);
  }
  while (Read* read = next_read(connection)) {
    const auto answer = co_await connection.read(
        {config_.unit_id, read->planned.function, read->planned.address, read->planned.count},
        options_for(read->planned.count));
    if (answer)
      take(*read, *answer);
    else if (refused(*read, answer.error()))
      break;
  }
  const auto resume_at = reads_.next_at();
  in_round_ = resume_at.has_value();
  if (in_round_) resume_at_ = *resume_at;
  if (const auto* place = in_round_ || fault_ ? nullptr : unread_serial_number())
    co_await read_serial_number(*place, connection);
  count(before, connection.traffic());
  duration_ += since(begin);
  if (in_round_) co_return std::nullopt;
  co_return finish();
}

void Meter::begin_round(SteadyTime now) {
  lateness_ = std::chrono::duration_cast<microseconds>(now - beats_.due());
  duration_ = microseconds(0);
  round_end_ = now + config_.interval;
  session_checked_ = false;
  time_rank_ = no_time;
  fault_.reset();
  reads_.begin_round(now, health_.failing());
  values_.begin();
}

// What is asked once for each connection, and what was refused, comes after the rest: by then the connection
// is there.
Meter::Read* Meter::next_read(const Connection& connection) {
  const SteadyTime now = steady_clock::now();
  Read* read = reads_.next(now);
  const bool is_usual = read != nullptr && !read->at_connect && !read->set_aside;
  if (is_usual || session_checked_ || time_rank_ == no_time) return read;
  session_checked_ = true;
  if (openings_ == connection.traffic().openings + 1) return read;
  openings_ = connection.traffic().openings + 1;
  // It may be another device: what it multiplies by has to be told anew.
  for (const Read& one : reads_.reads())
    if (one.at_connect) values_.forget_factors(one.planned.slots);
  reads_.connected(now);
  return reads_.next(now);
}

ReadOptions Meter::options_for(std::uint16_t count) const {
  const bool is_short = health_.attempt_is_short() && time_rank_ == no_time;
  return {is_short ? short_timeout(config_, count, slowest_) : answer_timeout(config_, count), config_.pause,
          config_.accept_unit_mismatch};
}

Fault Meter::explain(const Fault& fault, std::uint16_t count) const {
  return explained(fault, source_->name, options_for(count).timeout < answer_timeout(config_, count));
}

void Meter::take(Read& read, const Answer& answer) {
  const microseconds took{answer.received.monotonic_us - answer.sent.monotonic_us};
  slowest_ = std::max(took, slowest_ - slowest_ / 64);  // of about the last hundred
  values_.take(read.planned.slots, answer.registers);
  if (!read.at_connect && read.time_rank < time_rank_) {
    time_rank_ = read.time_rank;
    set_time_ = midpoint(answer.sent, answer.received);
    half_duration_us_ = took.count() / 2;
  }
  reads_.answered(read);
}

// The set goes on without these values. The agent does not see this fault, so it is told here, once.
bool Meter::refused(Read& read, const Fault& fault) {
  const Fault told = explain(fault, read.planned.count);
  if (!fault_) fault_ = told;
  const bool is_refusal =
      fault.fault_class == FaultClass::exception && !is_silence(fault) && fault.code != 10;
  const bool is_poll_lost = time_rank_ == no_time && (!is_refusal || reads_.reads().size() == 1);
  const bool is_news = read.fault.empty() && !is_poll_lost;  // the agent tells of lost polls
  const bool is_set_aside =
      reads_.failed(read, fault, told.message, steady_clock::now(), round_end_, chance());
  if (is_set_aside && (fault.code == 2 || fault.code == 3)) walk_again_ = config_.profile.sunspec;
  if (is_news || is_set_aside)
    log::warn("some values of a meter are absent", {{"meter", source_->name},
                                                    {"fault", std::string(name_of(fault.fault_class))},
                                                    {"reason", told.message}});
  if (is_refusal) return false;
  // The others would cost a timeout each.
  reads_.end_round("not asked for, since the request before failed");
  return true;
}

Result<ReadingSet> Meter::finish() {
  if (time_rank_ == no_time) {
    // Nothing was left to ask, or it would have failed.
    if (!fault_) fault_ = Fault{FaultClass::exception, reads_.reads().front().fault, 2};  // all set aside
    return *fault_;
  }
  const bool described = values_.factors_changed();
  if (described || source_->identity.serial != serial_) source_ = describe();
  ReadingSet set{source_, set_time_, half_duration_us_, std::vector<double>(source_->fields.size())};
  values_.write(set.values);
  return set;
}

// A chain of models holds until the device may be another one: the connection is new and reading failed on
// it, or a register of the chain is not there.
bool Meter::wants_models(const Connection& connection) const {
  if (!config_.profile.sunspec || (in_round_ && time_rank_ != no_time)) return false;
  if (!models_ || walk_again_) return true;
  return health_.failing() && walked_at_ != connection.traffic().openings;
}

boost::asio::awaitable<std::optional<Fault>> Meter::find_models(Connection& connection) {
  const auto device = co_await discover_sunspec(connection, config_.unit_id, options_for(longest_of_walk));
  if (!device) co_return explain(device.error(), longest_of_walk);
  walk_again_ = false;
  walked_at_ = connection.traffic().openings;
  if (!*device) {
    models_.reset();
    co_return no_sunspec(source_->name, config_.unit_id, config_.address.text());
  }
  auto profile = sunspec_profile(**device, config_.sunspec_model);
  if (!profile) {
    models_.reset();
    const auto meters = std::ranges::count_if((*device)->models, &SunSpecModel::is_meter);
    co_return no_sunspec_model(source_->name, config_.sunspec_model, static_cast<std::size_t>(meters));
  }
  adopt(**device, std::move(*profile));
  co_return std::nullopt;
}

void Meter::adopt(const SunSpecDevice& device, MeterProfile profile) {
  if (models_ && device_ == device) return;  // what was learnt of its registers holds
  device_ = device;
  const auto common = sunspec_common(device, config_.sunspec_model);
  serial_ = common ? common->serial : "";
  values_ = MeterValues(profile.registers);
  reads_ = AdaptiveReads(profile.registers, profile.limits, config_.interval);
  models_ = std::move(profile);
  openings_ = 0;
  source_ = describe();
}

const IdentifyingRegister* Meter::unread_serial_number() const {
  if (serial_asked_ || time_rank_ == no_time) return nullptr;
  const auto is_serial = [](const IdentifyingRegister& reg) { return reg.meaning == "serial number"; };
  const auto found = std::ranges::find_if(config_.profile.identify, is_serial);
  return found == config_.profile.identify.end() ? nullptr : &*found;
}

// Whatever comes of it, it is asked once.
boost::asio::awaitable<void> Meter::read_serial_number(const IdentifyingRegister& place,
                                                       Connection& connection) {
  serial_asked_ = true;
  const ReadRequest request{config_.unit_id, static_cast<ReadFunction>(place.function), place.address,
                            place.width()};
  const auto answer = co_await connection.read(request, options_for(place.width()));
  if (!answer) co_return;
  if (place.text_registers > 0) {
    serial_ = text_of_registers(answer->registers);
    co_return;
  }
  Register plain;
  plain.wire = place.wire;
  plain.word_order = place.word_order;
  const double number = decode_raw(answer->registers, plain);
  if (is_known(number) && number != 0) append_number(serial_, number);
}

void Meter::count(const Traffic& before, const Traffic& after) {
  use_.requests += after.requests - before.requests;
  for (const FaultClass fault : all_fault_classes)
    use_.failures.add(fault, after.failures[fault] - before.failures[fault]);
}

std::string Meter::why_absent(Channel channel) const {
  const SteadyTime now = steady_clock::now();
  std::optional<std::size_t> index;  // of a register with that channel that was answered
  for (const Read& read : reads_.reads()) {
    for (const ReadSlot& slot : read.planned.slots) {
      if (values_.registers()[slot.register_index].channel != channel) continue;
      if (read.set_aside)
        return read.fault + " (it is asked for again after a new connection, at the latest " +
               time_until(read.retest_at, now) + ")";
      if (!read.fault.empty()) return read.fault;
      index = slot.register_index;
    }
  }
  if (!index) return "";
  const Register& reg = values_.registers()[*index];
  const std::string place =
      "register " + std::to_string(reg.address) + " (function " + std::to_string(reg.function) + ")";
  if (values_.lacks_factor(*index)) return "the scale register of " + place + " tells no factor for it";
  return place + " holds the meter's mark for 'not available'";
}

std::uint64_t Meter::succeeded(SteadyTime now) {
  health_.answered();
  use_.quarantined = false;
  return beats_.advance(now);
}

Fault Meter::failed(Fault fault, SteadyTime now, SteadyTime connection_retry_at, bool shares_line) {
  // Where there is no connection the meter is not to blame: it is due again when the connection is tried
  // again.
  if (fault.fault_class == FaultClass::connection) {
    beats_.defer(std::max(now, connection_retry_at));
    return fault;
  }
  openings_ = 0;  // it may come back as another one, also where the line to it stays
  Fault judged{fault.fault_class, "", fault.code};
  if (walk_again_) judged.code = 0;  // registers that are gone may be found elsewhere at once
  health_.failed(judged, now, shares_line, chance());
  use_.quarantined = health_.quarantined();
  beats_.defer(health_.retry_at());
  if (health_.quarantined())
    fault.message +=
        "; it is left alone now and asked again at " + time_of_day(beats_.due(), flopwatt::now());
  return fault;
}

}  // namespace flopwatt::modbus
