#include <algorithm>
#include <chrono>
#include <iomanip>
#include <iostream>
#include <string>
#include <utility>
#include <vector>

#include "agent/commands/commands.h"
#include "config/load.h"
#include "drivers/modbus/bus_plan.h"
#include "exporters/prometheus/web_guard.h"
#include "exporters/registry.h"
#include "runtime/exit_code.h"

namespace flopwatt::commands {
namespace {

double seconds(std::chrono::microseconds duration) { return std::chrono::duration<double>(duration).count(); }

/// One line a bus; a warning at each meter whose interval is shorter than the cycle of its bus.
std::vector<Finding> print_buses(const Config& config) {
  std::vector<Finding> warnings;
  for (const modbus::BusPlan& bus : modbus::plan_buses(config)) {
    std::cout << "bus " << bus.name() << ": " << bus.meters.size()
              << (bus.meters.size() == 1 ? " meter" : " meters") << ", planned cycle " << std::fixed
              << std::setprecision(3) << seconds(bus.cycle) << " s\n";
    for (const MeterConfig* meter : bus.meters) {
      if (meter->interval >= bus.cycle) continue;
      Finding warning;
      warning.severity = Finding::Severity::warning;
      warning.file = config.file.string();
      warning.line = meter->at.line;
      warning.column = meter->at.column;
      warning.message = "meter '" + meter->name +
                        "': its bus needs longer for a cycle than this interval; raise " +
                        "`interval` or put fewer meters on the bus";
      warnings.push_back(warning);
    }
  }
  return warnings;
}

/// "3 errors, 1 warning"; a count of 0 is left out.
std::string count_text(const std::vector<Finding>& findings) {
  const auto warnings =
      static_cast<std::size_t>(std::ranges::count(findings, Finding::Severity::warning, &Finding::severity));
  const auto counted = [](std::size_t count, const std::string& word) {
    return std::to_string(count) + ' ' + word + (count == 1 ? "" : "s");
  };
  std::string text;
  if (const std::size_t errors = findings.size() - warnings; errors > 0) text = counted(errors, "error");
  if (warnings > 0) text += (text.empty() ? "" : ", ") + counted(warnings, "warning");
  return text;
}

}  // namespace

int check_config(const std::filesystem::path& config_file, std::span<const accelerators::Vendor> vendors) {
  const Loaded loaded = load_config(config_file, default_data_paths(),
                                    {accelerators::keys_of(vendors), sections_of(exporter_kinds())});
  for (const Finding& finding : loaded.findings) std::cout << finding.text() << '\n';
  if (loaded.has_errors()) {
    std::cout << count_text(loaded.findings) << '\n';
    return exit_configuration;
  }
  std::vector<Finding> findings = loaded.findings;
  for (Finding& finding : prometheus::check_web_certificates(loaded.web_config)) {
    std::cout << finding.text() << '\n';
    findings.push_back(std::move(finding));
  }
  if (std::ranges::find(findings, Finding::Severity::error, &Finding::severity) != findings.end()) {
    std::cout << count_text(findings) << '\n';
    return exit_configuration;
  }
  for (Finding& warning : print_buses(loaded.config)) {
    std::cout << warning.text() << '\n';
    findings.push_back(std::move(warning));
  }
  std::cout << config_file.string() << ": good" << (findings.empty() ? "" : ", " + count_text(findings))
            << '\n';
  return exit_good;
}

}  // namespace flopwatt::commands
