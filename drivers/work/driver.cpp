#include "drivers/work/driver.h"

#include <algorithm>
#include <vector>

#include "drivers/work/line_receiver.h"
#include "runtime/async.h"
#include "runtime/condition.h"

namespace flopwatt::work {
namespace {

class StatsdDriver final : public WorkDriver {
 public:
  StatsdDriver(const WorkConfig& config, WorkIntake& intake) : config_(config), sink_(intake) {}

  awaitable<void> run(Intake&) override {
    for (;;) {
      follow_config();
      std::vector<awaitable<void>> tasks;
      tasks.push_back(wait_for_change());
      for (const auto& receiver : receivers_) tasks.push_back(receiver->receive());
      co_await run_until_first_ends(std::move(tasks));
    }
  }

  void apply(const WorkConfig& config) override {
    config_ = config;
    has_changed_ = true;
    changed_.notify();
  }

  [[nodiscard]] std::vector<MetricFamily> metric_families() const override {
    if (config_.statsd.empty()) return {};  // counted work is not configured
    MetricFamily rejected{
        "flopwatt_work_rejected_lines_total",
        "Lines that were not counted as work, by reason; foreign: other metrics, which is no fault.",
        MetricFamily::Type::counter};
    for (const Refusal refusal : all_refusals)
      rejected.samples.push_back(
          {{{"reason", std::string(name_of(refusal))}}, static_cast<double>(sink_.counter.refused(refusal))});
    return {rejected};
  }

 private:
  /// Receivers that stay keep their sockets, and the kernel what arrives meanwhile.
  void follow_config() {
    has_changed_ = false;
    std::erase_if(receivers_, [this](const auto& receiver) {
      return std::ranges::find(config_.statsd, receiver->config()) == config_.statsd.end();
    });
    for (const StatsdConfig& wanted : config_.statsd) {
      const bool is_there =
          std::ranges::any_of(receivers_, [&](const auto& receiver) { return receiver->config() == wanted; });
      if (!is_there) receivers_.push_back(std::make_unique<LineReceiver>(wanted, sink_));
    }
  }

  awaitable<void> wait_for_change() {
    while (!has_changed_) co_await changed_.wait();
  }

  WorkConfig config_;
  LineSink sink_;
  std::vector<std::unique_ptr<LineReceiver>> receivers_;
  bool has_changed_ = false;
  Condition changed_;
};

}  // namespace

std::unique_ptr<WorkDriver> make_driver(const Config& config, WorkIntake& intake) {
  return std::make_unique<StatsdDriver>(config.work, intake);
}

}  // namespace flopwatt::work
