// The commands of the program. Each returns the exit code of the program. `vendors`: the supported vendors of
// accelerators. Main thread.
#pragma once

#include <filesystem>
#include <span>
#include <string>
#include <vector>

#include "agent/commands/probe/plan.h"
#include "agent/commands/read/agent_access.h"
#include "drivers/accelerators/vendor.h"

namespace flopwatt::commands {

/// `run`: runs the agent in the foreground, until SIGTERM or SIGINT.
int run_agent(const std::filesystem::path& config_file, std::span<const accelerators::Vendor> vendors);

/// `check`: faults and warnings of a configuration on standard output, then each bus's planned cycle.
int check_config(const std::filesystem::path& config_file, std::span<const accelerators::Vendor> vendors);

/// Form of a command's output.
enum class OutputFormat { table, json };

/// `read`: prints every source once on standard output; notes and failures on standard error.
int read_sources(const std::filesystem::path& config_file, OutputFormat format, const AccessArguments& access,
                 std::span<const accelerators::Vendor> vendors);

/// `profiles list`: prints all meter profiles on standard output; faults of wrong files on standard error.
int list_profiles(OutputFormat format);

/// `profiles show`: prints the registers and requests of one profile, named by its id or the
/// path of its file.
int show_profile(const std::string& name, OutputFormat format);

/// As written on the command line; "" = not given.
struct ExportArguments {
  std::filesystem::path store;
  std::string since, until;
  std::string format = "csv";  ///< csv, jsonl or openmetrics
  std::vector<std::string> labels;
};

/// `export`: prints the contents of the store on standard output; counts of what was left
/// out on standard error.
int export_store(const ExportArguments& arguments);

/// `probe`: prints the units that answer behind a Modbus address on standard output;
/// progress on standard error.
int probe_address(const ProbeArguments& arguments, OutputFormat format);

/// `version`: prints one line on standard output.
int print_version();

}  // namespace flopwatt::commands
