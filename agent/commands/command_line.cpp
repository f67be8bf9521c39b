#include "agent/commands/command_line.h"

#include <CLI/CLI.hpp>
#include <algorithm>
#include <csignal>
#include <exception>
#include <iostream>
#include <span>
#include <string>
#include <utility>
#include <vector>

#include "agent/commands/commands.h"
#include "agent/commands/standard_output.h"
#include "agent/daemon/exit_deadline.h"
#include "config/yaml/parse_values.h"
#include "drivers/accelerators/guest.h"
#include "runtime/exit_code.h"
#include "runtime/version.h"

namespace flopwatt::commands {
namespace {

using Vendors = std::span<const accelerators::Vendor>;

/// The command line as parsed.
struct Arguments {
  std::string config_file;
  std::string format = "table";
  std::string profile;
  AccessArguments access;
  ProbeArguments probe;
  ExportArguments exported;
  std::string vendor;
  accelerators::GuestOptions guest;
  std::string interval = "1s";
};

/// Instead of CLI::IsMember, whose messages show sets in a notation of CLI11. Case is ignored.
CLI::Validator one_of(std::vector<std::string> words) {
  return CLI::Validator(
      [words = std::move(words)](std::string& text) {
        const std::string word = CLI::detail::to_lower(text);
        if (std::ranges::find(words, word) == words.end())
          return "'" + text + "'; write " + CLI::detail::join(words, " or ");
        text = word;
        return std::string();
      },
      "");
}

void add_config_file(CLI::App& command, Arguments& arguments) {
  command.add_option("-c,--config.file,FILE", arguments.config_file, "Configuration file (YAML)")
      ->envname("FLOPWATT_CONFIG_FILE")
      ->required()
      ->type_name("PATH");
}

void add_format(CLI::App& command, Arguments& arguments) {
  command.add_option("--format", arguments.format, "table or json")
      ->envname("FLOPWATT_FORMAT")
      ->transform(one_of({"table", "json"}))
      ->type_name("FORMAT")
      ->capture_default_str();
}

/// For commands that ask an agent which a web configuration guards.
void add_access(CLI::App& command, AccessArguments& access) {
  const auto add = [&command](const char* flag, const char* variable, std::string& value, const char* help,
                              const char* type) {
    command.add_option(flag, value, help)->envname(variable)->type_name(type);
  };
  add("--ca-file", "FLOPWATT_CA_FILE", access.ca_file,
      "Authorities that may sign the agent's certificate (PEM)", "FILE");
  add("--cert-file", "FLOPWATT_CERT_FILE", access.cert_file, "Certificate to show to the agent (PEM)",
      "FILE");
  add("--key-file", "FLOPWATT_KEY_FILE", access.key_file, "Its key (PEM)", "FILE");
  add("--username", "FLOPWATT_USERNAME", access.username, "User of the agent's web configuration", "NAME");
  add("--password-file", "FLOPWATT_PASSWORD_FILE", access.password_file, "File with that user's password",
      "FILE");
}

void add_read(CLI::App& app, Arguments& arguments) {
  CLI::App& read = *app.add_subcommand(
      "read", "Read every source once, in at most 60 s. Where an agent runs, show its readings");
  add_config_file(read, arguments);
  add_format(read, arguments);
  add_access(read, arguments.access);
}

void add_probe(CLI::App& app, Arguments& arguments) {
  CLI::App& command = *app.add_subcommand(
      "probe", "Find meters behind a Modbus address and print their configuration. Only reads");
  ProbeArguments& probe = arguments.probe;
  command.add_option("address", probe.address, "tcp://host[:502], rtu:///dev/..., or rtu+tcp://host:port")
      ->envname("FLOPWATT_ADDRESS")
      ->required()
      ->type_name("ADDRESS");
  command
      .add_option("--unit_id", probe.unit_id,
                  "Unit ids to try, e.g. 7 or 1-20 (default: 1, 255, 0 over tcp; 1-247 on a serial line)")
      ->envname("FLOPWATT_UNIT_ID")
      ->type_name("UNITS");
  command.add_option("--timeout", probe.timeout, "Response timeout (default: 1s, on rtu:// 300ms)")
      ->envname("FLOPWATT_TIMEOUT")
      ->type_name("DURATION");
  command.add_option("--baud", probe.baud, "(rtu only) comma-separated, tried in turn (default: 9600)")
      ->envname("FLOPWATT_BAUD")
      ->type_name("RATES");
  command
      .add_option("--parity", probe.parity,
                  "(rtu only) none, even, odd; comma-separated, tried in turn (default: none)")
      ->envname("FLOPWATT_PARITY")
      ->type_name("PARITIES");
  command.add_option("--stop_bits", probe.stop_bits, "(rtu only) 1 or 2 (default: 1)")
      ->envname("FLOPWATT_STOP_BITS")
      ->type_name("NUMBER");
  add_format(command, arguments);
}

void add_profiles(CLI::App& app, Arguments& arguments) {
  CLI::App& profiles = *app.add_subcommand("profiles", "List and show meter profiles");
  profiles.require_subcommand(0, 1);
  add_format(profiles, arguments);
  add_format(*profiles.add_subcommand("list", "List all profiles with their files"), arguments);
  CLI::App& show = *profiles.add_subcommand("show", "Show the registers and the requests of one profile");
  show.add_option("name", arguments.profile, "Name of a profile, or path of its file")->required();
  add_format(show, arguments);
}

void add_export(CLI::App& app, ExportArguments& arguments) {
  CLI::App& command =
      *app.add_subcommand("export", "Print the contents of the store of a stopped or a running agent");
  command.add_option("--store", arguments.store, "File of the store: store.path of the agent")
      ->envname("FLOPWATT_STORE")
      ->required()
      ->type_name("FILE");
  command.add_option("--since", arguments.since, "Start, e.g. 2026-11-23T12:44:01Z, 2026-11-23 or -1h")
      ->envname("FLOPWATT_SINCE")
      ->type_name("TIME");
  command.add_option("--until", arguments.until, "End (exclusive), in the same forms")
      ->envname("FLOPWATT_UNTIL")
      ->type_name("TIME");
  command.add_option("--format", arguments.format, "csv, jsonl, or openmetrics for promtool")
      ->envname("FLOPWATT_FORMAT")
      ->transform(one_of({"csv", "jsonl", "openmetrics"}))
      ->type_name("FORMAT")
      ->capture_default_str();
  command.add_option("--label", arguments.labels, "Label to add to everything; may be given several times")
      ->envname("FLOPWATT_LABEL")
      ->type_name("K=V");
}

/// nullptr: none of them.
const accelerators::Vendor* find_vendor(Vendors vendors, const std::string& name) {
  const auto found =
      std::ranges::find_if(vendors, [&](const auto& vendor) { return vendor.keys.name == name; });
  return found == vendors.end() ? nullptr : &*found;
}

/// For CLI11: "" or what is wrong.
std::string check_interval(const std::string& text, const accelerators::Vendor* vendor) {
  if (vendor == nullptr) return "";  // which is reported
  const auto interval = parse_duration(text).value;
  const auto shortest = vendor->keys.shortest_interval;
  return interval && *interval >= shortest
             ? ""
             : "'" + text + "'; write " + format_duration(shortest) + " or more, as 500ms or 2s";
}

void add_smi(CLI::App& app, Arguments& arguments, Vendors vendors) {
  std::vector<std::string> names, libraries;
  for (const accelerators::Vendor& vendor : vendors) {
    names.emplace_back(vendor.keys.name);
    libraries.push_back(names.back() + ": " + std::string(vendor.keys.library));
  }
  CLI::App& smi = *app.add_subcommand("smi", "Read the accelerators of a vendor and print JSON lines");
  smi.add_option("vendor", arguments.vendor, "Whose library: " + CLI::detail::join(names, ", "))
      ->required()
      ->transform(one_of(names))
      ->type_name("VENDOR");
  smi.add_option("--library", arguments.guest.library,
                 "Management library to load. Default: " + CLI::detail::join(libraries, ", "))
      ->envname("FLOPWATT_LIBRARY");
  smi.add_option("--interval", arguments.interval, "Time between two readings")
      ->envname("FLOPWATT_INTERVAL")
      ->check([&arguments, vendors](const std::string& text) {
        return check_interval(text, find_vendor(vendors, arguments.vendor));
      })
      ->capture_default_str();
  smi.add_option("--listen", arguments.guest.listen,
                 "Make a socket here and serve agents on it, one at a time")
      ->envname("FLOPWATT_LISTEN")
      ->type_name("PATH");
  smi.add_option("--socket_fd", arguments.guest.socket_fd, "Set by the agent that starts this guest")
      ->group("");
}

int run_command(const CLI::App& app, const Arguments& arguments, Vendors vendors) {
  const auto format = arguments.format == "json" ? OutputFormat::json : OutputFormat::table;
  if (app.got_subcommand("run")) return run_agent(arguments.config_file, vendors);
  if (app.got_subcommand("check")) return check_config(arguments.config_file, vendors);
  if (app.got_subcommand("read"))
    return read_sources(arguments.config_file, format, arguments.access, vendors);
  if (app.got_subcommand("profiles"))
    return arguments.profile.empty() ? list_profiles(format) : show_profile(arguments.profile, format);
  if (app.got_subcommand("probe")) return probe_address(arguments.probe, format);
  if (app.got_subcommand("export")) return export_store(arguments.exported);
  if (app.got_subcommand("smi"))
    return accelerators::run_guest(*find_vendor(vendors, arguments.vendor), arguments.guest);
  return print_version();
}

/// For a command line without a command, on which CLI11 only says that a command is required.
int list_commands(const CLI::App& app) {
  const std::vector<std::string> words = app.remaining();
  if (!words.empty() && words.front() == "help") {
    std::cout << app.help();
    return exit_good;
  }
  std::vector<std::string> names;
  for (const CLI::App* command : app.get_subcommands([](const CLI::App*) { return true; }))
    names.push_back(command->get_name());
  std::cerr << "flopwatt: "
            << (words.empty() ? "write a command" : "there is no command '" + words.front() + "'")
            << "; the commands are: " << CLI::detail::join(names, ", ") << "; see flopwatt --help\n";
  return exit_configuration;
}

int parse_and_run(int argc, char** argv, Vendors vendors) {
  CLI::App app("flopwatt meters a rack's energy and its computing work and publishes joules per FLOP.",
               "flopwatt");
  app.set_version_flag("--version", std::string("flopwatt ") + std::string(version));
  app.require_subcommand(1);
  Arguments arguments;
  add_config_file(*app.add_subcommand("run", "Run the agent in the foreground"), arguments);
  add_config_file(*app.add_subcommand("check", "Check a configuration; touches no device"), arguments);
  add_read(app, arguments);
  add_probe(app, arguments);
  add_profiles(app, arguments);
  add_export(app, arguments.exported);
  add_smi(app, arguments, vendors);
  app.add_subcommand("version", "Print the version");
  // Only the given command reads the environment: FLOPWATT_FORMAT has other values for `export`.
  for (CLI::App* command : app.get_subcommands({})) command->parse_complete_callback([] {});
  try {
    app.parse(argc, argv);
  } catch (const CLI::ParseError& error) {
    if (error.get_exit_code() == static_cast<int>(CLI::ExitCodes::RequiredError) &&
        app.get_subcommands().empty())
      return list_commands(app);
    // CLI11 prints help and errors; its own codes are folded into the contract's.
    return app.exit(error) == 0 ? exit_good : exit_configuration;
  }
  arguments.guest.interval = *parse_duration(arguments.interval).value;
  return run_command(app, arguments, vendors);
}

}  // namespace

int run_command_line(int argc, char** argv, Vendors vendors) {
  daemon::end_when_memory_runs_out();
  // A reader that goes away and a limit on the size of files (`ulimit -f`, LimitFSIZE=) are errors of write(), not
  // the end of the program.
  std::signal(SIGPIPE, SIG_IGN);
  std::signal(SIGXFSZ, SIG_IGN);
  StandardOutput output;
  try {
    return output.finish(parse_and_run(argc, argv, vendors));
  } catch (const std::exception& error) {
    std::cerr << "flopwatt: " << error.what() << "; this is a bug, please report it\n";
    return exit_device;
  }
}

}  // namespace flopwatt::commands
