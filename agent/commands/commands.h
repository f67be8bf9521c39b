// The commands of the program; each returns its exit code. CONTRACT section 1 says what they do. `vendors`:
// whose accelerators the program supports.
#pragma once

#include <filesystem>
#include <span>
#include <string>
#include <vector>

#include "agent/commands/probe/plan.h"
#include "drivers/accelerators/vendor.h"

namespace flopwatt::commands {

/// `run`: the agent, in the foreground, until SIGTERM or SIGINT.
int run_agent(const std::filesystem::path& config_file, std::span<const accelerators::Vendor> vendors);

/// `check`: faults and warnings of a configuration on standard output, then each bus's planned cycle.
int check_config(const std::filesystem::path& config_file, std::span<const accelerators::Vendor> vendors);

/// How a command prints what it found.
enum class OutputFormat { table, json };

/// `read`: every source once on standard output, notes and what failed beside them on standard error.
int read_sources(const std::filesystem::path& config_file, OutputFormat format,
                 std::span<const accelerators::Vendor> vendors);

/// `profiles list`: the meter profiles there are, on standard output; faults of wrong ones on standard error.
int list_profiles(OutputFormat format);

/// `profiles show`: one profile, by its id or the path of its file: what it reads, and how.
int show_profile(const std::string& name, OutputFormat format);

/// As written on the command line; "" where it was not given.
struct ExportArguments {
  std::filesystem::path store;
  std::string since, until;
  std::string format = "csv";  ///< csv, jsonl or openmetrics
  std::vector<std::string> labels;
};

/// `export`: what the store holds, on standard output; what had to be left out on standard error.
int export_store(const ExportArguments& arguments);

/// `probe`: what answers behind a Modbus address, on standard output; progress on standard error.
int probe_address(const ProbeArguments& arguments, OutputFormat format);

/// `version`: one line on standard output.
int print_version();

}  // namespace flopwatt::commands
