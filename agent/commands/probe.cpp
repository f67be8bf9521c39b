#include <unistd.h>

#include <boost/asio/io_context.hpp>
#include <boost/asio/signal_set.hpp>
#include <boost/system/system_error.hpp>
#include <chrono>
#include <csignal>
#include <iomanip>
#include <iostream>
#include <optional>
#include <sstream>
#include <string>
#include <utility>
#include <vector>

#include "agent/commands/commands.h"
#include "agent/commands/probe/plan.h"
#include "agent/commands/probe/report.h"
#include "config/load.h"
#include "config/profiles/profile_library.h"
#include "drivers/modbus/probe/probe.h"
#include "drivers/modbus/wire/connection.h"
#include "runtime/async.h"
#include "runtime/exit_code.h"
#include "runtime/log.h"

namespace flopwatt::commands {
namespace {

using namespace std::chrono_literals;
using std::chrono::steady_clock;

/// Reports faults of wrong profiles on standard error; uses the others.
std::vector<MeterProfile> load_profiles() {
  std::vector<MeterProfile> profiles;
  std::vector<Finding> findings;
  for (const auto& [id, path] : find_profiles(default_data_paths().meter_profiles))
    if (auto profile = load_profile(path, findings)) profiles.push_back(std::move(*profile));
  for (const Finding& finding : findings) std::cerr << finding.text() << '\n';
  return profiles;
}

/// Progress of the scan on standard error: on a terminal one line that is overwritten, else a line every 5 s.
class Progress {
 public:
  explicit Progress(std::size_t units) : units_(units) {}
  ~Progress() { clear(); }
  Progress(const Progress&) = delete;
  Progress& operator=(const Progress&) = delete;

  void begin(std::uint8_t unit) {
    ++asked_;
    unit_ = unit;
    if (terminal_) return stage("is it there?");
    if (units_ < 2 || steady_clock::now() < next_line_) return;
    next_line_ = steady_clock::now() + line_spacing;
    std::cerr << head() << '\n';
  }

  void stage(std::string_view what) const {
    if (terminal_) std::cerr << "\r\x1b[K" << head() << ": " << what << std::flush;
  }

  void found(const modbus::ProbedUnit& unit) {
    if (!unit.answers) return;
    ++answering_;
    clear();
    std::cerr << "unit " << int{unit.unit} << " answers\n";
  }

 private:
  static constexpr auto line_spacing = 5s;

  [[nodiscard]] std::string head() const {
    return "unit " + std::to_string(unit_) + " (" + std::to_string(asked_) + " of " + std::to_string(units_) +
           "), " + std::to_string(answering_) + " answered";
  }
  void clear() const {
    if (terminal_) std::cerr << "\r\x1b[K" << std::flush;
  }

  const bool terminal_ = ::isatty(STDERR_FILENO) == 1;
  std::size_t units_;
  std::size_t asked_ = 0, answering_ = 0;
  std::uint8_t unit_ = 0;
  steady_clock::time_point next_line_ = steady_clock::now() + line_spacing;
};

/// Units in a row with a broken connection after which the device is taken to be gone.
constexpr int most_lost_in_a_row = 5;

/// Up to so many, each that answers may take the seconds that its energy register needs to move.
constexpr std::size_t few_units = 6;

/// Asks all units, with one setting of the line after the other.
class Scan {
 public:
  Scan(const ProbePlan& plan, const std::vector<MeterProfile>& profiles)
      : plan_(plan), profiles_(profiles), progress_(plan.units.size() * plan.settings.size()) {
    report_.address = plan.address;
  }

  awaitable<void> run() {
    std::vector<awaitable<void>> tasks;
    tasks.push_back(ask_with_all_settings());
    tasks.push_back(wait_for_signal());
    co_await run_until_first_ends(std::move(tasks));
  }

  [[nodiscard]] const ProbeReport& report() const { return report_; }
  /// The fault that makes the line unusable.
  [[nodiscard]] const std::optional<Fault>& fault() const { return fault_; }
  [[nodiscard]] bool was_interrupted() const { return interrupted_; }

 private:
  awaitable<void> wait_for_signal() {
    asio::signal_set signals(co_await asio::this_coro::executor, SIGINT, SIGTERM);
    co_await signals.async_wait(asio::use_awaitable);
    interrupted_ = true;
  }

  awaitable<void> ask_with_all_settings() {
    for (const SerialSettings& settings : plan_.settings) {
      report_.settings = settings;
      report_.units.clear();
      const auto connection =
          modbus::make_connection(co_await asio::this_coro::executor, plan_.address, settings);
      std::vector<awaitable<void>> tasks;
      tasks.push_back(connection->watch());
      tasks.push_back(ask_all(*connection, settings));
      co_await run_until_first_ends(std::move(tasks));
      if (fault_ || report_.answering() > 0) co_return;
    }
  }

  awaitable<void> ask_all(modbus::Connection& connection, const SerialSettings& settings) {
    modbus::ProbeOptions options;
    options.read.timeout = plan_.timeout;
    if (plan_.address.transport == Transport::rtu) options.line = settings;
    // With many units the scan would take too long.
    const bool is_short = plan_.first_only || plan_.units.size() <= few_units;
    options.compare_limit = is_short ? 10s : 2s;
    options.on_stage = [this](std::string_view what) { progress_.stage(what); };
    for (const std::uint8_t unit : plan_.units) {
      progress_.begin(unit);
      auto probed = co_await modbus::probe_unit(connection, unit, profiles_, options);
      if (!probed) {
        fault_ = probed.error();
        co_return;
      }
      progress_.found(*probed);
      lost_in_a_row_ = probed->connection_lost ? lost_in_a_row_ + 1 : 0;
      report_.units.push_back(std::move(*probed));
      if (lost_in_a_row_ == most_lost_in_a_row) {
        report_.notes.push_back("the connection was lost; the units after " + std::to_string(unit) +
                                " were not asked");
        co_return;
      }
      if (plan_.first_only && report_.answering() > 0) co_return;
    }
  }

  const ProbePlan& plan_;
  const std::vector<MeterProfile>& profiles_;
  Progress progress_;
  ProbeReport report_;
  std::optional<Fault> fault_;
  bool interrupted_ = false;
  int lost_in_a_row_ = 0;
};

std::string seconds_text(microseconds duration) {
  std::ostringstream text;
  const double seconds = std::chrono::duration<double>(duration).count();
  text << std::fixed << std::setprecision(seconds < 10 ? 1 : 0) << seconds << " s";
  return text.str();
}

void print_cost(const ProbePlan& plan) {
  const std::size_t count = plan.units.size();
  std::cerr << "flopwatt probe: " << plan.address.text() << ", " << count
            << (count == 1 ? " unit" : " units");
  if (plan.settings.size() > 1) std::cerr << " with each of " << plan.settings.size() << " settings";
  std::cerr << ": at most " << seconds_text(plan.longest_silence())
            << " if none answers; each that answers takes some seconds, about "
            << seconds_text(modbus::ProbeOptions{}.unit_limit / 1us * 1us) << " at most\n";
}

int report_silence(const ProbePlan& plan, const ProbeReport& report) {
  std::cerr << "flopwatt probe: nothing answers at " << plan.address.text();
  if (!report.units.empty()) std::cerr << " (" << report.units.back().silence << ')';
  std::cerr << ". Check ";
  if (plan.address.transport == Transport::rtu)
    std::cerr << "wiring (A and B are often swapped), power, --baud, --parity, and a longer --timeout\n";
  else if (plan.address.transport == Transport::rtu_tcp)
    std::cerr
        << "the line behind the device server, its baud rate and parity there, --unit_id, and whether it "
           "speaks Modbus TCP (tcp://)\n";
  else
    std::cerr
        << "--unit_id (behind a gateway it is that of the meter), that Modbus is enabled, and whether it "
           "is a serial device server (rtu+tcp://)\n";
  return exit_device;
}

}  // namespace

int probe_address(const ProbeArguments& arguments, OutputFormat format) {
  const auto plan = plan_probe(arguments);
  if (!plan.value) {
    std::cerr << "flopwatt probe: " << plan.advice << '\n';
    return exit_configuration;
  }
  const std::vector<MeterProfile> profiles = load_profiles();
  print_cost(*plan.value);
  log::silence();  // what matters is in the report

  asio::io_context loop{1};
  std::exception_ptr failure;
  Scan scan(*plan.value, profiles);
  asio::co_spawn(loop, scan.run(), [&failure](std::exception_ptr thrown) { failure = std::move(thrown); });
  loop.run();
  if (failure) std::rethrow_exception(failure);

  const ProbeReport& report = scan.report();
  if (scan.was_interrupted()) std::cerr << "flopwatt probe: interrupted; results so far\n";
  const bool found = report.answering() > 0;
  if (found || !scan.fault())
    std::cout << (format == OutputFormat::json ? json_text(report) : table_text(report)) << std::flush;
  if (scan.fault()) {
    std::cerr << "flopwatt probe: " << scan.fault()->message << '\n';
    return exit_device;
  }
  if (found) return exit_good;
  return scan.was_interrupted() ? exit_device : report_silence(*plan.value, report);
}

}  // namespace flopwatt::commands
