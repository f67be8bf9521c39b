#include <algorithm>
#include <charconv>
#include <set>

#include "config/check_scopes.h"
#include "config/glob.h"
#include "config/sections.h"
#include "config/yaml/nearest.h"

namespace flopwatt {
namespace {

// An accelerator that may appear has one of these names, as far as can be known before devices are asked.
constexpr int possible_numbers = 256;

std::vector<std::string> possible_accelerators(const Reading& reading) {
  std::vector<std::string> names;
  for (const std::string_view vendor : reading.reserved)
    for (int number = 0; number < possible_numbers; ++number)
      names.push_back(std::string(vendor) + std::to_string(number));
  for (const NameOverride& one : reading.config.accelerator_names) names.push_back(one.name);
  return names;
}

// "1-3, 7"
std::string ranges_of(const std::set<std::uint16_t>& numbers) {
  std::string text;
  for (auto at = numbers.begin(); at != numbers.end();) {
    const int first = *at;
    int last = first;
    while (++at != numbers.end() && *at == last + 1) ++last;
    text += (text.empty() ? "" : ", ") + std::to_string(first);
    if (last > first) text += "-" + std::to_string(last);
  }
  return text;
}

bool tells_energy(const Register& one) {
  return one.channel.quantity == Quantity::active_power || one.channel.quantity == Quantity::energy_import;
}

// Its registers could not be read, which is reported.
bool is_broken(const MeterProfile& profile) { return profile.registers.empty() && !profile.sunspec; }

// The branches for which the meter has power or energy.
std::set<std::uint16_t> metered_branches(const MeterConfig& meter) {
  std::set<std::uint16_t> branches;
  for (const Register& one : meter.profile.registers)
    if (one.channel.place == Place::branch && tells_energy(one)) branches.insert(one.channel.branch);
  return branches;
}

class ScopesReader {
 public:
  explicit ScopesReader(const Reading& reading)
      : reading_(reading), report_(reading.report), accelerators_(possible_accelerators(reading)) {}

  void read(const YamlNode& list) {
    for (const YamlNode& item : items_of(list, "scopes", report_)) read_scope(item);
    link_scopes(contains_, reading_.config, report_);
    check_energy(energy_, reading_.config, report_);
    check_work(work_, accelerators_, reading_.config, report_);
  }

 private:
  void read_scope(const YamlNode& node) {
    MapReader map(node, "a scope", report_);
    ScopeConfig scope;
    scope.at = node.at;
    scope.name = reading_.names.read(map, "scope");
    const YamlNode* energy = map.find("energy");
    if (energy != nullptr)
      for (const YamlNode& item : items_of(*energy, "energy", report_)) read_energy_entry(item, scope);
    const YamlNode* work = map.find("work");
    if (work != nullptr) read_work(*work, scope);
    const YamlNode* contains = map.find("contains");
    if (contains != nullptr)
      for (const YamlNode& item : items_of(*contains, "contains", report_))
        if (const std::string* name = text_of(item, "contains", report_))
          contains_.push_back({this_scope(), *name, item.at});
    map.finish();
    if (node.is_map() && energy == nullptr && work == nullptr && contains == nullptr)
      report_.error(node.at,
                    "a scope needs 'energy' (a list of meters), 'work' (all, or a list of accelerators) or "
                    "'contains' (a list of scopes)");
    reading_.config.scopes.push_back(std::move(scope));
  }

  // The scope that is being read gets this index.
  [[nodiscard]] std::size_t this_scope() const { return reading_.config.scopes.size(); }

  void read_energy_entry(const YamlNode& node, ScopeConfig& scope) {
    const std::string* text = text_of(node, "energy", report_);
    if (text == nullptr) return;
    const std::size_t slash = text->find('/');
    const auto& meters = reading_.config.meters;
    const auto meter = std::ranges::find(meters, text->substr(0, slash), &MeterConfig::name);
    if (meter == meters.end()) {
      report_unknown_meter(text->substr(0, slash), node.at);
      return;
    }
    EnergyEntry entry{meter->name};
    if (slash != std::string::npos) {
      entry.branch = branch_of(*meter, text->substr(slash + 1), node.at);
      if (entry.branch == 0) return;
    } else if (!check_whole(*meter, node.at)) {
      return;
    }
    scope.energy.push_back(entry);
    energy_.push_back({this_scope(), entry, node.at});
  }

  // 0: none of that meter's, reported. Of a meter whose registers could not be read every branch is believed.
  std::uint16_t branch_of(const MeterConfig& meter, const std::string& text, Position at) {
    std::uint16_t branch = 0;
    const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), branch);
    const bool is_number = error == std::errc{} && end == text.data() + text.size() && text.front() != '0';
    const std::set<std::uint16_t> branches = metered_branches(meter);
    if (is_number && (is_broken(meter.profile) || branches.contains(branch))) return branch;
    std::string message = "energy: '" + meter.name + "' measures no power or energy of ";
    message += is_number ? "a branch " + std::to_string(branch) : "'" + text + "', which is no branch number";
    message += branches.empty() ? "; it has no such branches, write " + meter.name
                                : "; its branches are " + ranges_of(branches);
    report_.error(at, message);
    return 0;
  }

  bool check_whole(const MeterConfig& meter, Position at) {
    const MeterProfile& profile = meter.profile;
    if (is_broken(profile) || profile.has({Quantity::active_power}) || profile.has({Quantity::energy_import}))
      return true;
    const std::set<std::uint16_t> branches = metered_branches(meter);
    std::string message =
        "energy: '" + meter.name + "' has neither active_power nor energy_import of its own";
    message += branches.empty() ? "; add one to its registers"
                                : "; write its branches (" + ranges_of(branches) + "), as in " + meter.name +
                                      "/" + std::to_string(*branches.begin());
    report_.error(at, message);
    return false;
  }

  void report_unknown_meter(const std::string& name, Position at) {
    if (is_accelerator(name) || is_automatic(name)) {
      report_.error(
          at, "energy: '" + name + "' is no meter; a scope without energy takes its devices' own energy");
      return;
    }
    std::vector<std::string_view> names;
    for (const MeterConfig& meter : reading_.config.meters) names.push_back(meter.name);
    report_.error(at, "energy: there is no meter '" + name + "'" +
                          (names.empty() ? "; add it under meters" : suggestion(name, names)));
  }

  void read_work(const YamlNode& node, ScopeConfig& scope) {
    using Work = ScopeConfig::Work;
    if (node.is_list()) {
      scope.work = node.items.empty() ? Work::none : Work::listed;
      for (const YamlNode& item : node.items) read_work_entry(item, scope);
    } else if (node.is_scalar() && node.text == "all") {
      scope.work = Work::all;
      if (all_line_ != 0)
        report_.error(node.at, "work: all is already the scope in line " + std::to_string(all_line_) +
                                   "; it means what no other scope names, so only one scope can have it");
      all_line_ = node.at.line;
    } else if (!node.is_scalar() || node.text != "none") {
      report_.error(node.at, R"(work: write all, none, or a list of names and patterns: ["nvidia*"])");
    }
  }

  void read_work_entry(const YamlNode& node, ScopeConfig& scope) {
    const std::string* pattern = text_of(node, "work", report_);
    if (pattern == nullptr) return;
    if (pattern->find('/') != std::string::npos || pattern->find('.') != std::string::npos) {
      report_.error(node.at, "work: '" + *pattern +
                                 "': accelerators of peers are not yet supported; write names as nvidia0");
      return;
    }
    const bool possible =
        is_glob(*pattern)
            ? std::ranges::any_of(accelerators_,
                                  [&](const std::string& name) { return matches_glob(*pattern, name); })
            : is_accelerator(*pattern);
    if (!possible) {
      report_impossible(*pattern, node.at);
      return;
    }
    scope.work_patterns.push_back(*pattern);
    work_.push_back({this_scope(), *pattern, node.at});
  }

  void report_impossible(const std::string& pattern, Position at) {
    std::string why = "; write nvidia0, nvidia1 ..., a pattern (\"nvidia*\") or a name of accelerators.names";
    if (pattern == "all" || pattern == "none")
      why = "; write work: " + pattern + " without brackets";
    else if (std::ranges::find(reading_.config.meters, pattern, &MeterConfig::name) !=
             reading_.config.meters.end())
      why = " (it is a meter); meters go under energy";
    else if (is_automatic(pattern))
      why = " (CPU packages have energy but no work)";
    report_.error(at, "work: no accelerator can be named '" + pattern + "'" + why);
  }

  [[nodiscard]] bool is_automatic(const std::string& name) const {
    return is_automatic_name(name, reading_.reserved);
  }

  [[nodiscard]] bool is_accelerator(const std::string& name) const {
    const auto& names = reading_.config.accelerator_names;
    const bool automatic = is_automatic(name) && !name.starts_with("cpu");
    return automatic || std::ranges::find(names, name, &NameOverride::name) != names.end();
  }

  const Reading& reading_;
  Reporter& report_;
  std::vector<std::string> accelerators_;
  std::vector<WrittenEnergy> energy_;
  std::vector<WrittenName> work_, contains_;
  int all_line_ = 0;
};

}  // namespace

void read_scopes(const YamlNode& node, const Reading& reading) { ScopesReader(reading).read(node); }

}  // namespace flopwatt
