#include <algorithm>
#include <boost/asio/io_context.hpp>
#include <chrono>
#include <iostream>
#include <span>
#include <string>
#include <utility>
#include <vector>

#include "agent/commands/commands.h"
#include "agent/commands/read/running_agent.h"
#include "agent/commands/read/survey.h"
#include "config/load.h"
#include "drivers/registry.h"
#include "exporters/registry.h"
#include "runtime/async.h"
#include "runtime/exit_code.h"
#include "runtime/log.h"

namespace flopwatt::commands {
namespace {

using namespace std::chrono_literals;
using Vendors = std::span<const accelerators::Vendor>;

/// After it whoever has not answered is down. A library that starts its devices takes up to half of it.
constexpr auto longest_read = 60s;
constexpr auto look_again = 20ms;
/// Two samples of an accelerator are this far apart.
constexpr auto accelerator_interval = 500ms;

/// Reads every source of `loaded` once, by the agent's own drivers.
class Reader {
 public:
  Reader(const Loaded& loaded, Vendors vendors) : drivers_(make_drivers(loaded, vendors)) {}

  awaitable<void> run() {
    std::vector<awaitable<void>> tasks;
    for (const auto& driver : drivers_) tasks.push_back(driver->run(survey_));
    tasks.push_back(wait_until_complete());
    co_await run_until_first_ends(std::move(tasks));
  }

  void report(Report& report) const {
    const auto why_absent = [this](SourceId id, Channel channel) {
      for (const auto& driver : drivers_)
        if (std::string reason = driver->why_absent(id, channel); !reason.empty()) return reason;
      return std::string();
    };
    const std::string late = "no answer within " + std::to_string(longest_read.count()) + " s";
    std::ranges::move(survey_.reports(why_absent, late), std::back_inserter(report.sources));
    for (const auto& driver : drivers_) {
      const Inventory inventory = driver->inventory();
      if (!inventory.trouble.empty()) report.troubles.push_back(inventory.trouble);
    }
  }

 private:
  awaitable<void> wait_until_complete() {
    const auto deadline = std::chrono::steady_clock::now() + longest_read;
    do {
      co_await sleep_until(std::chrono::steady_clock::now() + look_again);
    } while (!complete() && std::chrono::steady_clock::now() < deadline);
  }

  [[nodiscard]] bool complete() const {
    return survey_.complete() &&
           std::ranges::all_of(drivers_, [](const auto& driver) { return driver->inventory().complete; });
  }

  Survey survey_;
  std::vector<std::unique_ptr<Driver>> drivers_;
};

/// Once means once: the first poll comes within a second, however long the interval, and no other follows.
void poll_once(Config& config) {
  for (MeterConfig& meter : config.meters) meter.interval = 1h;
  for (auto& [vendor, accelerators] : config.accelerators) accelerators.interval = accelerator_interval;
}

awaitable<void> read_all(Loaded& loaded, Vendors vendors, Report& report) {
  Config& config = loaded.config;
  if (const auto agent = co_await ask_running_agent(config, report.notes)) {
    report.sources = take_from(*agent, vendors, config);
    if (!report.sources.empty())
      report.notes.push_back("the agent of this node runs (" + agent->where +
                             "): what it polls is shown from there");
  }
  poll_once(config);
  Reader reader(loaded, vendors);
  co_await reader.run();
  reader.report(report);
}

}  // namespace

int read_sources(const std::filesystem::path& config_file, OutputFormat format, Vendors vendors) {
  Loaded loaded = load_config(config_file, default_data_paths(),
                              {accelerators::keys_of(vendors), sections_of(exporter_kinds())});
  if (loaded.has_errors()) {
    for (const Finding& finding : loaded.findings) std::cerr << finding.text() << '\n';
    return exit_configuration;
  }
  log::silence();  // what drivers would log stands in the report

  Report report;
  asio::io_context loop{1};
  std::exception_ptr failure;
  asio::co_spawn(loop, read_all(loaded, vendors, report),
                 [&failure](std::exception_ptr thrown) { failure = std::move(thrown); });
  loop.run();
  if (failure) std::rethrow_exception(failure);

  for (const std::string& note : report.notes) std::cerr << "flopwatt read: " << note << '\n';
  std::cout << (format == OutputFormat::json ? json_text(report) : table_text(report)) << std::flush;
  for (const std::string& trouble : report.troubles) std::cerr << "flopwatt read: " << trouble << '\n';
  if (report.sources.empty() && report.troubles.empty())
    std::cerr << "flopwatt read: there is no source: the configuration has no meters, and no accelerator was "
                 "found\n";
  return report.all_good() ? exit_good : exit_device;
}

}  // namespace flopwatt::commands
