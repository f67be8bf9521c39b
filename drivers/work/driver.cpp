#include "drivers/work/driver.h"

#include <algorithm>
#include <vector>

#include "drivers/work/inlet.h"
#include "runtime/async.h"
#include "runtime/condition.h"

namespace flopwatt::work {
namespace {

class StatsdDriver final : public WorkDriver {
 public:
  StatsdDriver(const WorkConfig& config, WorkIntake& intake) : config_(config), desk_(intake) {}

  awaitable<void> run(Intake&) override {
    for (;;) {
      follow_config();
      std::vector<awaitable<void>> tasks;
      tasks.push_back(wait_for_change());
      for (const auto& inlet : inlets_) tasks.push_back(inlet->receive());
      co_await run_until_first_ends(std::move(tasks));
    }
  }

  void apply(const WorkConfig& config) override {
    config_ = config;
    has_changed_ = true;
    changed_.notify();
  }

  [[nodiscard]] std::vector<RejectedLines> rejected_lines() const override {
    if (config_.statsd.empty()) return {};  // counted work is not configured
    return desk_.counter.rejected();
  }

 private:
  /// Inlets that stay keep their sockets, and the kernel what arrives meanwhile.
  void follow_config() {
    has_changed_ = false;
    std::erase_if(inlets_, [this](const auto& inlet) {
      return std::ranges::find(config_.statsd, inlet->config()) == config_.statsd.end();
    });
    for (const StatsdConfig& wanted : config_.statsd) {
      const bool is_there =
          std::ranges::any_of(inlets_, [&](const auto& inlet) { return inlet->config() == wanted; });
      if (!is_there) inlets_.push_back(std::make_unique<Inlet>(wanted, desk_));
    }
  }

  awaitable<void> wait_for_change() {
    while (!has_changed_) co_await changed_.wait();
  }

  WorkConfig config_;
  Desk desk_;
  std::vector<std::unique_ptr<Inlet>> inlets_;
  bool has_changed_ = false;
  Condition changed_;
};

}  // namespace

std::unique_ptr<WorkDriver> make_driver(const Config& config, WorkIntake& intake) {
  return std::make_unique<StatsdDriver>(config.work, intake);
}

}  // namespace flopwatt::work
