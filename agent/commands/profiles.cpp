#include <algorithm>
#include <boost/json/serialize.hpp>
#include <iomanip>
#include <iostream>
#include <map>
#include <optional>
#include <sstream>

#include "agent/commands/commands.h"
#include "agent/commands/profiles/json.h"
#include "agent/commands/profiles/words.h"
#include "config/load.h"
#include "config/profiles/profile_library.h"
#include "drivers/modbus/registers/read_plan.h"
#include "runtime/exit_code.h"

namespace flopwatt::commands {
namespace {

namespace fs = std::filesystem;
namespace json = boost::json;

/// nullopt: what is wrong with it is on standard error.
std::optional<MeterProfile> load_or_report(const fs::path& path) {
  std::vector<Finding> findings;
  auto profile = load_profile(path, findings);
  for (const Finding& finding : findings) std::cerr << finding.text() << '\n';
  return profile;
}

void print_lines(const std::string& title, const std::vector<std::string>& lines) {
  if (lines.empty()) return;
  std::cout << '\n' << title << '\n';
  for (const std::string& line : lines) std::cout << "  " << line << '\n';
}

std::string read_line(const Register& reg) {
  const QuantityRow& row = *find_row(SourceKind::meter, reg.channel);
  std::ostringstream line;
  line << std::left << std::setw(16) << row.name << std::setw(12) << place_text(reg.channel) << std::setw(5)
       << (row.unit == "1" ? "" : row.unit) << "function " << int{reg.function} << ", address "
       << std::setw(6) << std::right << reg.address << ", " << type_text(reg) << scaling_text(reg);
  return line.str();
}

std::string unread_line(const UnreadRegister& reg) {
  std::ostringstream line;
  line << std::left << std::setw(23) << reg.quantity << std::setw(18) << reg.part << "address "
       << std::setw(6) << std::right << reg.address << ": " << reg.reason;
  return line.str();
}

template <class Items, class ToLine>
void print_each(const std::string& title, const Items& items, ToLine to_line) {
  std::vector<std::string> lines;
  lines.reserve(items.size());
  for (const auto& item : items) lines.push_back(to_line(item));
  print_lines(title, lines);
}

void print_plan(const MeterProfile& profile) {
  const modbus::ReadPlan plan = modbus::plan_reads(profile.registers, profile.limits);
  print_each("Each connection first asks", plan.at_connect, request_text);
  print_each("A poll asks", plan.reads, request_text);
  // A device without a serial line of its own may still be reached over one, through a converter.
  const SerialSettings serial = profile.serial.value_or(SerialSettings{});
  std::cout << std::fixed << std::setprecision(3) << "  planned: " << cycle_seconds(profile, Transport::tcp)
            << " s over TCP, " << cycle_seconds(profile, Transport::rtu, serial) << " s on a line of "
            << serial.baud << " baud\n";
}

void print_profile(const MeterProfile& profile, const fs::path& path) {
  std::cout << profile.id << ": " << profile.vendor << ' ' << profile.model << " (" << profile.kind << ", "
            << profile.confidence << ")\nfile " << path.string() << "\nas the maker sets it: unit id "
            << int{profile.unit_id} << ", "
            << (profile.serial ? serial_text(*profile.serial) : "no serial line") << '\n';
  if (profile.refresh.count() > 0)
    std::cout << "its values may be " << format_duration(profile.refresh) << " old (refresh)\n";
  print_lines("One request", limits_text(profile.limits));
  print_plan(profile);
  print_each("It reads", profile.registers, read_line);
  print_each("It has, and is not asked for", profile.unread, unread_line);
  print_each("It is recognised by", profile.identify, identify_text);
  print_lines("To know", profile.quirks);
  print_lines("Where sources differ", profile.conflicts);
  print_lines("Its facts come from", profile.sources);
}

constexpr std::string_view sunspec_text =
    "profile: sunspec is no file: the device describes its registers itself. At each connect its chain of\n"
    "models is walked, from the marker at 40000, 50000 or 0. A meter model (201 to 204, 211 to 214) is read\n"
    "with its scale factors in one or two requests. sunspec_model: 2 takes the second meter model.\n";

void print_list(const std::vector<MeterProfile>& profiles, const std::map<std::string, fs::path>& files) {
  std::size_t widest = 0;
  for (const MeterProfile& profile : profiles) widest = std::max(widest, profile.id.size());
  for (const MeterProfile& profile : profiles) {
    const auto requests = modbus::plan_reads(profile.registers, profile.limits).reads.size();
    std::cout << std::left << std::setw(static_cast<int>(widest)) << profile.id << "  " << profile.vendor
              << ' ' << profile.model << ", " << profile.registers.size() << " values in " << requests
              << (requests == 1 ? " request" : " requests") << "\n  " << files.at(profile.id).string()
              << '\n';
  }
}

}  // namespace

int list_profiles(OutputFormat format) {
  const auto files = find_profiles(default_data_paths().meter_profiles);
  std::vector<MeterProfile> good;
  for (const auto& [id, path] : files)
    if (auto profile = load_or_report(path)) good.push_back(std::move(*profile));
  if (format == OutputFormat::json) {
    json::object profiles;
    for (const MeterProfile& profile : good)
      profiles[profile.id] = profile_json(profile, files.at(profile.id));
    std::cout << json::serialize(json::object{{"profiles", std::move(profiles)}}) << '\n';
  } else {
    print_list(good, files);
  }
  return good.size() == files.size() ? exit_good : exit_configuration;
}

int show_profile(const std::string& name, OutputFormat format) {
  if (name == "sunspec" && format == OutputFormat::table) {
    std::cout << sunspec_text;
    return exit_good;
  }
  const auto files = find_profiles(default_data_paths().meter_profiles);
  const auto known = files.find(name);
  std::error_code error;
  if (known == files.end() && !fs::exists(name, error)) {
    std::cerr << "there is no profile '" << name << "', and no such file; flopwatt profiles list shows all\n";
    return exit_configuration;
  }
  const fs::path path = known == files.end() ? fs::path(name) : known->second;
  const auto profile = load_or_report(path);
  if (!profile) return exit_configuration;
  if (format == OutputFormat::json)
    std::cout << json::serialize(profile_json(*profile, path)) << '\n';
  else
    print_profile(*profile, path);
  return exit_good;
}

}  // namespace flopwatt::commands
