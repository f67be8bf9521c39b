#include "drivers/modbus/driver.h"

#include <utility>
#include <vector>

#include "drivers/modbus/bus.h"
#include "drivers/modbus/bus_plan.h"
#include "runtime/async.h"

namespace flopwatt::modbus {
namespace {

class ModbusDriver final : public Driver {
 public:
  explicit ModbusDriver(const Config& config) : config_(config) {}

  awaitable<void> run(Intake& intake) override {
    const auto executor = co_await asio::this_coro::executor;
    add_meters(executor, intake);
    std::vector<awaitable<void>> tasks;
    tasks.push_back(sleep_until(SteadyTime::max()));  // without meters it waits to be cancelled
    for (const auto& bus : buses_) tasks.push_back(bus->run(intake));
    co_await run_until_first_ends(std::move(tasks));
  }

  [[nodiscard]] std::vector<BusUse> bus_use() const override {
    std::vector<BusUse> use;
    for (const auto& bus : buses_) use.push_back(bus->use());
    return use;
  }

 private:
  void add_meters(const asio::any_io_executor& executor, Intake& intake) {
    const SteadyTime start = std::chrono::steady_clock::now();
    const std::vector<BusPlan> plans = plan_buses(config_);
    for (std::size_t number = 0; number < plans.size(); ++number) {
      const BusPlan& plan = plans[number];
      std::vector<Meter> meters;
      for (const MeterConfig* config : plan.meters) {
        const SourcePtr source = make_source(*config, plan.cycle);
        const SourceId id = intake.add(source);
        meters.emplace_back(*config, source, id, Beats(config->interval, slot_offset(number), start));
      }
      buses_.push_back(std::make_unique<Bus>(executor, plan, std::move(meters)));
    }
  }

  Config config_;
  std::vector<std::unique_ptr<Bus>> buses_;
};

}  // namespace

std::unique_ptr<Driver> make_driver(const Config& config) { return std::make_unique<ModbusDriver>(config); }

}  // namespace flopwatt::modbus
