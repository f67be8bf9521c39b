#include "drivers/modbus/driver.h"

#include <algorithm>
#include <boost/asio/bind_cancellation_slot.hpp>
#include <boost/asio/cancellation_signal.hpp>
#include <boost/asio/co_spawn.hpp>
#include <exception>
#include <utility>
#include <vector>

#include "drivers/modbus/bus.h"
#include "drivers/modbus/bus_plan.h"
#include "runtime/async.h"
#include "runtime/condition.h"

namespace flopwatt::modbus {
namespace {

// A bus and its task.
struct Line {
  std::unique_ptr<Bus> bus;
  asio::cancellation_signal cancel{};
  bool started = false, ended = false;
};
using LinePtr = std::shared_ptr<Line>;

class AllBuses final : public ModbusDriver {
 public:
  explicit AllBuses(const Config& config) : config_(config) {}

  awaitable<void> run(Intake& intake) override {
    executor_ = co_await asio::this_coro::executor;
    intake_ = &intake;
    make_lines();
    std::exception_ptr reason;
    try {
      co_await run_lines();
    } catch (...) {
      reason = std::current_exception();
    }
    intake_ = nullptr;
    co_await asio::this_coro::reset_cancellation_state(asio::disable_cancellation());
    for (const LinePtr& line : lines_) stop(*line);
    while (!all_ended(lines_) || !all_ended(leaving_)) co_await changed_.wait();
    std::rethrow_exception(reason);
  }

  void apply(const Config& config) override {
    config_ = config;
    if (intake_ != nullptr) make_lines();
  }

  [[nodiscard]] std::vector<BusUse> bus_use() const override {
    std::vector<BusUse> use;
    for (const LinePtr& line : lines_) use.push_back(line->bus->use());
    return use;
  }

  [[nodiscard]] std::vector<MetricFamily> metric_families() const override {
    return modbus::metric_families(bus_use());
  }

  [[nodiscard]] std::vector<StatusSection> status_sections() const override {
    return {{"buses", status_json(bus_use())}};
  }

  [[nodiscard]] std::string why_absent(SourceId id, Channel channel) const override {
    for (const LinePtr& line : lines_)
      if (std::string reason = line->bus->why_absent(id, channel); !reason.empty()) return reason;
    return "";
  }

 private:
  // Takes up what changes; throws when cancelled, or what a bus threw.
  awaitable<void> run_lines() {
    for (;;) {
      if (failure_) std::rethrow_exception(failure_);
      std::erase_if(leaving_, [](const LinePtr& line) { return line->ended; });
      for (const LinePtr& line : lines_) start(line);
      co_await changed_.wait();
    }
  }

  // A line with new settings begins when its port is free.
  void start(const LinePtr& line) {
    const auto blocks = [&](const LinePtr& other) { return other->bus->address() == line->bus->address(); };
    if (line->started || std::ranges::any_of(leaving_, blocks)) return;
    line->started = true;
    asio::co_spawn(executor_, line->bus->run(*intake_),
                   asio::bind_cancellation_slot(line->cancel.slot(), OnEnd{this, line}));
  }

  struct OnEnd {
    AllBuses* driver;  // lives until every line has ended: see run()
    LinePtr line;

    void operator()(const std::exception_ptr& failure) const {
      line->ended = true;
      const bool asked = std::ranges::find(driver->leaving_, line) != driver->leaving_.end();
      if (!asked && !driver->failure_) driver->failure_ = failure;
      driver->changed_.notify();
    }
  };

  static void stop(Line& line) {
    for (const auto& meter : line.bus->meters()) meter->retire();
    line.cancel.emit(asio::cancellation_type::terminal);
  }

  static bool all_ended(const std::vector<LinePtr>& lines) {
    return std::ranges::all_of(lines, [](const LinePtr& line) { return line->ended || !line->started; });
  }

  // Lines and meters as config_ wants them, out of those that are there.
  void make_lines() {
    std::vector<LinePtr> old = std::exchange(lines_, {});
    const std::vector<BusPlan> plans = plan_buses(config_);
    std::vector<LinePtr> kept;  // parallel to plans, null: none
    kept.reserve(plans.size());
    for (const BusPlan& plan : plans) kept.push_back(take(old, plan));
    for (std::size_t i = 0; i < plans.size(); ++i)
      if (kept[i]) remove_changed(*kept[i]->bus, plans[i]);
    for (LinePtr& gone : old) {
      for (const auto& meter : gone->bus->meters()) intake_->remove(meter->id());
      stop(*gone);
      if (gone->started) leaving_.push_back(std::move(gone));
    }
    for (std::size_t i = 0; i < plans.size(); ++i) lines_.push_back(make_line(plans[i], i, kept[i]));
    changed_.notify();
  }

  static LinePtr take(std::vector<LinePtr>& lines, const BusPlan& plan) {
    const auto found =
        std::ranges::find_if(lines, [&](const LinePtr& line) { return line->bus->is_line_of(plan); });
    if (found == lines.end()) return nullptr;
    LinePtr line = *found;
    lines.erase(found);
    return line;
  }

  void remove_changed(const Bus& bus, const BusPlan& plan) {
    for (const auto& meter : bus.meters()) {
      if (std::ranges::any_of(plan.meters, [&](const MeterConfig* config) { return meter->is(*config); }))
        continue;
      meter->retire();
      intake_->remove(meter->id());
    }
  }

  LinePtr make_line(const BusPlan& plan, std::size_t number, LinePtr line) {
    Bus::Meters meters;
    for (const MeterConfig* config : plan.meters)
      meters.push_back(make_meter(plan, *config, number, line ? &line->bus->meters() : nullptr));
    if (line) {
      line->bus->change(plan, std::move(meters));
      return line;
    }
    auto added = std::make_shared<Line>();
    added->bus = std::make_unique<Bus>(executor_, plan, std::move(meters));
    return added;
  }

  std::shared_ptr<Meter> make_meter(const BusPlan& plan, const MeterConfig& config, std::size_t number,
                                    const Bus::Meters* there) {
    const auto same = [&](const std::shared_ptr<Meter>& meter) { return meter->is(config); };
    if (there != nullptr) {
      if (const auto found = std::ranges::find_if(*there, same); found != there->end()) {
        if (SourcePtr described = (*found)->update(plan.cycle))
          intake_->describe((*found)->id(), std::move(described));
        return *found;
      }
    }
    const SourcePtr source = make_source(config, plan.cycle);
    const Beats beats(config.interval, slot_offset(number), pace_of(config.interval, plan.cycle),
                      std::chrono::steady_clock::now());
    return std::make_shared<Meter>(config, source, intake_->add(source), beats);
  }

  Config config_;
  asio::any_io_executor executor_;
  Intake* intake_ = nullptr;  // null: run() is not in progress
  std::vector<LinePtr> lines_;
  std::vector<LinePtr> leaving_;  // until their tasks have ended
  std::exception_ptr failure_;    // of a line that was not asked to end
  Condition changed_;
};

}  // namespace

std::unique_ptr<ModbusDriver> make_driver(const Config& config) { return std::make_unique<AllBuses>(config); }

}  // namespace flopwatt::modbus
