#include "drivers/modbus/bus.h"

#include <algorithm>
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

Bus::Bus(const asio::any_io_executor& executor, const BusPlan& plan, std::vector<Meter> meters)
    : name_(plan.name()), connection_(executor, plan.address), meters_(std::move(meters)), timer_(executor) {}

awaitable<void> Bus::run(Intake& intake) {
  std::vector<awaitable<void>> tasks;
  tasks.push_back(connection_.watch());
  tasks.push_back(poll_for_ever(intake));
  co_await run_until_first_ends(std::move(tasks));
}

awaitable<void> Bus::poll_for_ever(Intake& intake) {
  for (;;) {
    Meter& meter = next(steady_clock::now());
    if (meter.due() > steady_clock::now()) {
      timer_.expires_at(meter.due());
      co_await timer_.async_wait(asio::use_awaitable);
    }
    co_await poll(next(steady_clock::now()), intake);
  }
}

awaitable<void> Bus::poll(Meter& meter, Intake& intake) {
  const SteadyTime begin = steady_clock::now();
  const auto lateness = duration_cast<microseconds>(begin - meter.due());
  auto set = co_await meter.poll(connection_);
  if (meter.close_after_poll()) connection_.close();
  const SteadyTime end = steady_clock::now();
  const auto duration = duration_cast<microseconds>(end - begin);
  busy_ += duration;

  if (set) {
    const std::uint64_t skipped = meter.succeeded(end);
    intake.accept(meter.id(), std::move(*set), lateness, duration);
    if (skipped > 0) intake.skip(meter.id(), skipped);
  } else {
    meter.failed(set.error().fault_class, end, connection_.retry_at());
    intake.fail(meter.id(), set.error(), lateness, duration);
  }
}

Meter& Bus::next(SteadyTime now) {
  // Of those that are due the healthy ones come first.
  const auto turn = [now](const Meter& meter) {
    const SteadyTime due = meter.due();
    return std::tuple(due > now, meter.failing() && due <= now ? due + patience : due);
  };
  return *std::ranges::min_element(meters_, {}, turn);
}

BusUse Bus::use() const { return {name_, std::chrono::duration<double>(busy_).count()}; }

}  // namespace flopwatt::modbus
