// The commands of the program; each returns its exit code. CONTRACT section 1 says what they do.
#pragma once

#include <filesystem>

namespace flopwatt::agent {

/// `run`: the agent, in the foreground, until SIGTERM or SIGINT.
int run_agent(const std::filesystem::path& config_file);

/// `check`: faults and warnings of a configuration on standard output, then each bus's planned cycle.
int check_config(const std::filesystem::path& config_file);

/// `version`: one line on standard output.
int print_version();

}  // namespace flopwatt::agent
