#include "drivers/modbus/bus.h"

#include <algorithm>
#include <boost/asio/redirect_error.hpp>
#include <tuple>
#include <utility>

#include "runtime/async.h"

namespace flopwatt::modbus {
namespace {

using std::chrono::duration_cast;
using std::chrono::microseconds;
using std::chrono::steady_clock;

// A meter that may cost a timeout waits until the others have been read, but not for ever: after this long it
// is its turn on a bus that is never idle, too.
constexpr std::chrono::seconds patience{10};

}  // namespace

Bus::Bus(const asio::any_io_executor& executor, const BusPlan& plan, Meters meters)
    : name_(plan.name()),
      address_(plan.address),
      serial_(plan.serial()),
      connection_(make_connection(executor, address_, serial_)),
      meters_(std::move(meters)),
      timer_(executor),
      cycle_(plan.cycle) {}

bool Bus::is_line_of(const BusPlan& plan) const {
  return plan.address == address_ && plan.serial() == serial_;
}

void Bus::change(const BusPlan& plan, Meters meters) {
  name_ = plan.name();
  cycle_ = plan.cycle;
  meters_ = std::move(meters);
  timer_.cancel();  // another meter may be due
}

awaitable<void> Bus::run(Intake& intake) {
  std::vector<awaitable<void>> tasks;
  tasks.push_back(connection_->watch());
  tasks.push_back(poll_for_ever(intake));
  co_await run_until_first_ends(std::move(tasks));
}

awaitable<void> Bus::poll_for_ever(Intake& intake) {
  for (;;) {
    const SteadyTime due = next(steady_clock::now())->due();
    if (due <= steady_clock::now()) {
      co_await poll(next(steady_clock::now()), intake);
      continue;
    }
    timer_.expires_at(due);
    boost::system::error_code woken;  // by a change; a cancelled caller is thrown out by the next wait
    co_await timer_.async_wait(asio::redirect_error(asio::use_awaitable, woken));
  }
}

awaitable<void> Bus::poll(std::shared_ptr<Meter> meter, Intake& intake) {
  const SteadyTime begin = steady_clock::now();
  const SourcePtr described = meter->source();
  PollStep step = co_await meter->poll(*connection_);
  const SteadyTime end = steady_clock::now();
  busy_ += duration_cast<microseconds>(end - begin);
  auto* poll = std::get_if<PollEnded>(&step);
  if (poll != nullptr && meter->close_after_poll()) connection_->close();
  if (poll == nullptr || meter->is_retired()) co_return;

  if (poll->set) {
    const std::uint64_t skipped = meter->succeeded(end);
    if (meter->source() != described) intake.describe(meter->id(), meter->source());
    intake.accept(meter->id(), std::move(*poll->set), poll->lateness, poll->duration);
    if (skipped > 0) intake.skip(meter->id(), skipped);
  } else {
    const bool shares_line = meters_.size() > 1;
    Fault fault = meter->failed(poll->set.error(), end, connection_->retry_at(), shares_line);
    intake.fail(meter->id(), std::move(fault), poll->lateness, poll->duration);
  }
}

const std::shared_ptr<Meter>& Bus::next(SteadyTime now) const {
  // Of those that are due the healthy ones come first.
  const auto turn = [this, now](std::size_t index) {
    const Meter& meter = *meters_[index];
    const SteadyTime due = meter.due();
    return std::tuple(due > now, meter.failing() && due <= now ? due + patience : due, place_of(index));
  };
  std::size_t first = 0;
  for (std::size_t i = 1; i < meters_.size(); ++i)
    if (turn(i) < turn(first)) first = i;
  return meters_[first];
}

std::size_t Bus::place_of(std::size_t index) const {
  const Meter& meter = *meters_[index];
  if (meter.pace() == Pace::moving) return index;
  const std::size_t count = meters_.size();
  return (index + count - first_in_turn(meter.beat(), count)) % count;
}

std::string Bus::why_absent(SourceId id, Channel channel) const {
  const auto meter = std::ranges::find(meters_, id, &Meter::id);
  return meter == meters_.end() ? "" : (*meter)->why_absent(channel);
}

BusUse Bus::use() const {
  const auto seconds = [](microseconds time) { return std::chrono::duration<double>(time).count(); };
  BusUse use{.bus = name_,
             .busy_seconds = seconds(busy_),
             .turnaround_seconds = seconds(connection_->traffic().turnaround),
             .planned_cycle_seconds = seconds(cycle_),
             .units = {}};
  for (const auto& meter : meters_) use.units.push_back(meter->use());
  return use;
}

}  // namespace flopwatt::modbus
