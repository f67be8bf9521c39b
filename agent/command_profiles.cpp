#include <algorithm>
#include <boost/json.hpp>
#include <iomanip>
#include <iostream>
#include <map>
#include <optional>
#include <sstream>

#include "agent/commands.h"
#include "agent/exit_code.h"
#include "config/load.h"
#include "config/profile_library.h"
#include "config/text_file.h"
#include "drivers/modbus/bus_plan.h"
#include "drivers/modbus/read_plan.h"

namespace flopwatt::agent {
namespace {

namespace fs = std::filesystem;
namespace json = boost::json;

/// nullopt: what is wrong with it is on standard error.
std::optional<MeterProfile> load_profile(const fs::path& path) {
  std::vector<Finding> findings;
  Reporter report(findings, path.string());
  const TextFile file = read_text_file(path, max_yaml_bytes);
  std::optional<MeterProfile> profile;
  if (file.failure.empty())
    profile = read_profile(file.text, path.stem().string(), report);
  else
    report.error({}, "cannot be read: " + file.failure);
  for (const Finding& finding : findings) std::cerr << finding.text() << '\n';
  return profile;
}

/// How long it takes to read such a meter once, alone on its line.
double cycle_seconds(const MeterProfile& profile, Transport transport) {
  MeterConfig meter;
  meter.profile = profile;
  meter.address.transport = transport;
  return std::chrono::duration<double>(modbus::planned_cycle({&meter})).count();
}

std::string place_text(const Register& reg) {
  if (reg.channel.place == Place::branch) return "branch " + std::to_string(reg.channel.branch);
  return std::string(label_of(reg.channel.place));
}

std::string wire_text(const Register& reg) {
  static const std::map<Wire, std::string> names = {
      {Wire::u16, "u16"}, {Wire::i16, "i16"}, {Wire::u32, "u32"}, {Wire::i32, "i32"}, {Wire::u64, "u64"},
      {Wire::i64, "i64"}, {Wire::f32, "f32"}, {Wire::f64, "f64"}, {Wire::u8, "u8"}};
  return names.at(reg.wire) +
         (reg.width() > 1 && reg.word_order == WordOrder::little ? ", low word first" : "");
}

json::array plan_json(const MeterProfile& profile) {
  json::array requests;
  for (const modbus::PlannedRead& read : modbus::plan_reads(profile.registers, profile.limits).reads)
    requests.push_back(json::object{
        {"function", static_cast<int>(read.function)}, {"address", read.address}, {"count", read.count}});
  return requests;
}

json::array texts(const std::vector<std::string>& lines) {
  json::array array;
  for (const std::string& line : lines) array.emplace_back(line);
  return array;
}

json::object profile_json(const MeterProfile& profile, const fs::path& path) {
  json::array registers;
  for (const Register& reg : profile.registers) {
    const QuantityRow& row = *find_row(SourceKind::meter, reg.channel);
    json::object object{{"quantity", row.name}};
    if (!place_text(reg).empty()) object["place"] = place_text(reg);
    object["unit"] = row.unit;
    object["address"] = reg.address;
    object["function"] = reg.function;
    object["type"] = wire_text(reg);
    object["scale"] = reg.scale;
    registers.push_back(std::move(object));
  }
  return {{"file", path.string()},
          {"vendor", profile.vendor},
          {"model", profile.model},
          {"confidence", profile.confidence},
          {"requests", plan_json(profile)},
          {"cycle_s",
           {{"tcp", cycle_seconds(profile, Transport::tcp)},
            {"rtu_9600", cycle_seconds(profile, Transport::rtu)}}},
          {"registers", std::move(registers)},
          {"quirks", texts(profile.quirks)},
          {"sources", texts(profile.sources)}};
}

void print_lines(const std::string& title, const std::vector<std::string>& lines) {
  if (lines.empty()) return;
  std::cout << '\n' << title << '\n';
  for (const std::string& line : lines) std::cout << "  " << line << '\n';
}

void print_profile(const MeterProfile& profile, const fs::path& path) {
  std::cout << profile.id << ": " << profile.vendor << ' ' << profile.model << " (" << profile.confidence
            << ")\nfile " << path.string() << '\n';
  std::vector<std::string> requests;
  for (const modbus::PlannedRead& read : modbus::plan_reads(profile.registers, profile.limits).reads)
    requests.push_back("function " + std::to_string(static_cast<int>(read.function)) + ", address " +
                       std::to_string(read.address) + ", " + std::to_string(read.count) +
                       (read.count == 1 ? " register" : " registers"));
  print_lines("A poll asks", requests);
  std::cout << std::fixed << std::setprecision(3) << "  planned: " << cycle_seconds(profile, Transport::tcp)
            << " s over TCP, " << cycle_seconds(profile, Transport::rtu) << " s on a line of 9600 baud\n";
  std::vector<std::string> registers;
  for (const Register& reg : profile.registers) {
    const QuantityRow& row = *find_row(SourceKind::meter, reg.channel);
    std::ostringstream line;
    line << std::left << std::setw(16) << row.name << std::setw(10) << place_text(reg) << std::setw(5)
         << (row.unit == "1" ? "" : row.unit) << "function " << int{reg.function} << ", address "
         << std::setw(6) << std::right << reg.address << ", " << wire_text(reg);
    registers.push_back(line.str());
  }
  print_lines("It reads", registers);
  print_lines("To know", profile.quirks);
  print_lines("Its facts come from", profile.sources);
}

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
    if (auto profile = load_profile(path)) good.push_back(std::move(*profile));
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
  const auto files = find_profiles(default_data_paths().meter_profiles);
  const auto known = files.find(name);
  std::error_code error;
  if (known == files.end() && !fs::exists(name, error)) {
    std::cerr << "there is no profile '" << name
              << "', and no such file; flopwatt profiles list tells what there is\n";
    return exit_configuration;
  }
  const fs::path path = known == files.end() ? fs::path(name) : known->second;
  const auto profile = load_profile(path);
  if (!profile) return exit_configuration;
  if (format == OutputFormat::json)
    std::cout << json::serialize(profile_json(*profile, path)) << '\n';
  else
    print_profile(*profile, path);
  return exit_good;
}

}  // namespace flopwatt::agent
