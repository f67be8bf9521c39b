// The command line.
#include <CLI/CLI.hpp>
#include <exception>
#include <iostream>
#include <string>

#include "agent/commands.h"
#include "agent/exit_code.h"
#include "config/parse_values.h"
#include "drivers/nvidia/guest.h"
#include "runtime/version.h"

namespace {

using namespace flopwatt;

/// What the user asked for, as parsed.
struct Arguments {
  std::string config_file;
  std::string vendor;
  nvidia::GuestOptions guest;
  std::string interval = "1s";
};

/// For CLI11: "" or what is wrong. NVML refreshes its counters each 100 ms, and a pair of samples needs more.
std::string is_interval(const std::string& text) {
  const auto interval = parse_duration(text);
  if (!interval.value) return interval.advice;
  return *interval.value < std::chrono::milliseconds(200) ? "write at least 200ms" : "";
}

void add_config_file(CLI::App& command, Arguments& arguments) {
  command.add_option("--config.file", arguments.config_file, "Configuration, YAML")
      ->envname("FLOPWATT_CONFIG_FILE")
      ->required()
      ->type_name("FILE");
}

int run_command(const CLI::App& app, const Arguments& arguments) {
  if (app.got_subcommand("run")) return agent::run_agent(arguments.config_file);
  if (app.got_subcommand("check")) return agent::check_config(arguments.config_file);
  if (app.got_subcommand("smi")) return nvidia::run_guest(arguments.guest);
  return agent::print_version();
}

int parse_and_run(int argc, char** argv) {
  CLI::App app("flopwatt meters a rack's energy and its computing work and publishes joules per FLOP.",
               "flopwatt");
  app.set_version_flag("--version", std::string("flopwatt ") + std::string(version));
  app.require_subcommand(1);
  Arguments arguments;
  add_config_file(*app.add_subcommand("run", "The agent, in the foreground"), arguments);
  add_config_file(*app.add_subcommand("check", "Checks a configuration; touches no device"), arguments);
  CLI::App* smi = app.add_subcommand("smi", "Reads a vendor's accelerators and prints JSON lines");
  smi->add_option("vendor", arguments.vendor, "Whose library")->required()->check(CLI::IsMember({"nvidia"}));
  smi->add_option("--library", arguments.guest.library, "Management library to load")
      ->envname("FLOPWATT_LIBRARY")
      ->capture_default_str();
  smi->add_option("--interval", arguments.interval, "Time between two readings, by hand")
      ->envname("FLOPWATT_INTERVAL")
      ->check(is_interval)
      ->capture_default_str();
  smi->add_option("--socket_fd", arguments.guest.socket_fd, "Set by the agent that starts this guest")
      ->group("");
  app.add_subcommand("version", "Prints the version");
  try {
    app.parse(argc, argv);
  } catch (const CLI::ParseError& error) {
    // CLI11 prints help and errors; its own codes are folded into the contract's.
    return app.exit(error) == 0 ? agent::exit_good : agent::exit_configuration;
  }
  arguments.guest.interval = *parse_duration(arguments.interval).value;
  return run_command(app, arguments);
}

}  // namespace

int main(int argc, char** argv) {
  try {
    return parse_and_run(argc, argv);
  } catch (const std::exception& error) {
    std::cerr << "flopwatt: " << error.what() << "; this is a bug, please report it\n";
    return agent::exit_device;
  }
}
