#include <algorithm>
#include <map>

#include "config/glob.h"
#include "config/nearest.h"
#include "config/sections.h"

namespace flopwatt {
namespace {

// An accelerator that may appear has one of these names, as far as can be known before devices are asked.
constexpr int possible_numbers = 256;

std::vector<std::string> possible_accelerators(const Config& config) {
  std::vector<std::string> names;
  for (const std::string_view vendor : accelerator_vendors())
    for (int number = 0; number < possible_numbers; ++number)
      names.push_back(std::string(vendor) + std::to_string(number));
  for (const NameOverride& one : config.accelerator_names) names.push_back(one.name);
  return names;
}

struct WorkEntry {
  std::string pattern;
  Position at;
};

class ScopesReader {
 public:
  explicit ScopesReader(const Reading& reading)
      : reading_(reading), report_(reading.report), accelerators_(possible_accelerators(reading.config)) {}

  void read(const YamlNode& list) {
    for (const YamlNode& item : items_of(list, "scopes", report_)) read_scope(item);
    check_work_overlaps();
  }

 private:
  void read_scope(const YamlNode& node) {
    MapReader map(node, "a scope", report_);
    ScopeConfig scope;
    scope.at = node.at;
    scope.name = reading_.names.read(map, "scope");
    map.refuse_not_yet("contains", "scopes have one level; list the meters and accelerators themselves");
    const YamlNode* energy = map.find("energy");
    if (energy != nullptr)
      for (const YamlNode& item : items_of(*energy, "energy", report_)) read_energy_entry(item, scope);
    const YamlNode* work = map.find("work");
    if (work != nullptr) read_work(*work, scope);
    map.finish();
    if (node.is_map() && energy == nullptr && work == nullptr)
      report_.error(
          node.at,
          "a scope needs 'energy' (a list of meters), 'work' (all, or a list of accelerators) or both");
    reading_.config.scopes.push_back(std::move(scope));
  }

  void read_energy_entry(const YamlNode& node, ScopeConfig& scope) {
    const std::string* name = text_of(node, "energy", report_);
    if (name == nullptr) return;
    const auto& meters = reading_.config.meters;
    if (const std::size_t slash = name->find('/'); slash != std::string::npos) {
      report_.error(node.at, "energy: '" + *name + "': branches of a meter are not yet supported; write " +
                                 name->substr(0, slash));
      return;
    }
    if (std::ranges::find(meters, *name, &MeterConfig::name) == meters.end()) {
      report_unknown_meter(*name, node.at);
      return;
    }
    const auto [owner, is_new] = energy_owners_.try_emplace(*name, node.at);
    if (!is_new)
      report_.error(node.at, "energy: '" + *name + "' is already in a scope (line " +
                                 std::to_string(owner->second.line) +
                                 "); a source is named in one scope, once");
    scope.energy.push_back({*name});
  }

  void report_unknown_meter(const std::string& name, Position at) {
    if (is_accelerator(name) || is_automatic_name(name)) {
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
    work_.push_back({*pattern, node.at});
  }

  void report_impossible(const std::string& pattern, Position at) {
    std::string why = "; write nvidia0, nvidia1 ..., a pattern (\"nvidia*\") or a name of accelerators.names";
    if (pattern == "all" || pattern == "none")
      why = "; write work: " + pattern + " without brackets";
    else if (std::ranges::find(reading_.config.meters, pattern, &MeterConfig::name) !=
             reading_.config.meters.end())
      why = " (it is a meter); meters go under energy";
    else if (is_automatic_name(pattern))
      why = " (CPU packages tell energy but no work)";
    report_.error(at, "work: no accelerator can be named '" + pattern + "'" + why);
  }

  [[nodiscard]] bool is_accelerator(const std::string& name) const {
    const auto& names = reading_.config.accelerator_names;
    const bool automatic = is_automatic_name(name) && !name.starts_with("cpu");
    return automatic || std::ranges::find(names, name, &NameOverride::name) != names.end();
  }

  // Every possible accelerator may be matched by one entry only. One finding an entry.
  void check_work_overlaps() {
    std::vector<bool> reported(work_.size(), false);
    for (const std::string& name : accelerators_) {
      const WorkEntry* first = nullptr;
      for (std::size_t i = 0; i < work_.size(); ++i) {
        const WorkEntry& entry = work_[i];
        if (entry.pattern != name && !(is_glob(entry.pattern) && matches_glob(entry.pattern, name))) continue;
        if (first != nullptr && !reported[i]) {
          report_.error(entry.at, "work: '" + entry.pattern + "' names " + name + ", which '" +
                                      first->pattern + "' in line " + std::to_string(first->at.line) +
                                      " names already; a source is named in one scope, once");
          reported[i] = true;
        }
        if (first == nullptr) first = &entry;
      }
    }
  }

  const Reading& reading_;
  Reporter& report_;
  std::vector<std::string> accelerators_;
  std::map<std::string, Position> energy_owners_;
  std::vector<WorkEntry> work_;
  int all_line_ = 0;
};

}  // namespace

void read_scopes(const YamlNode& node, const Reading& reading) { ScopesReader(reading).read(node); }

}  // namespace flopwatt
