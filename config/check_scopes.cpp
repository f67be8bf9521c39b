#include "config/check_scopes.h"

#include <algorithm>
#include <map>
#include <optional>
#include <string_view>
#include <vector>

#include "config/glob.h"
#include "config/scope_tree.h"
#include "config/yaml/nearest.h"

namespace flopwatt {
namespace {

std::string in_line(Position at) { return "line " + std::to_string(at.line); }

// Takes the entries of `contains` one by one; what would break the tree is reported and left out.
class Linker {
 public:
  Linker(Config& config, Reporter& report)
      : config_(config), report_(report), around_(config.scopes.size()) {}

  void link(const WrittenName& written) {
    auto& scopes = config_.scopes;
    const auto found = std::ranges::find(scopes, written.name, &ScopeConfig::name);
    if (found == scopes.end()) return report_unknown(written);
    const auto inner = static_cast<std::size_t>(found - scopes.begin());
    const std::string entry = "contains: '" + written.name + "'";
    if (inner == written.scope) {
      report_.error(written.at, entry + " is this scope itself");
    } else if (around_[inner] && around_[inner]->scope == written.scope) {
      report_.error(written.at, entry + " is already written in " + in_line(around_[inner]->at));
    } else if (around_[inner]) {
      report_.error(written.at, entry + " lies already in '" + scopes[around_[inner]->scope].name + "' (" +
                                    in_line(around_[inner]->at) +
                                    "); a scope lies directly inside one other, once");
    } else if (const std::string way = way_out(written.scope, inner); !way.empty()) {
      report_.error(written.at, entry + " makes scopes contain themselves: " + written.name + " > " + way +
                                    written.name + "; take one of these steps out");
    } else {
      around_[inner] = written;
      scopes[written.scope].contains.push_back(written.name);
    }
  }

 private:
  // The path from `to` inwards to `from`: "rack > gpu-01 > "; "" where `from` is not inside `to`.
  [[nodiscard]] std::string way_out(std::size_t from, std::size_t to) const {
    std::string way;
    for (std::size_t scope = from; scope != to; scope = around_[scope]->scope) {
      way.insert(0, config_.scopes[scope].name + " > ");
      if (!around_[scope]) return "";
    }
    return way;
  }

  void report_unknown(const WrittenName& written) {
    const auto is_meter = [&](const MeterConfig& meter) { return meter.name == written.name; };
    if (std::ranges::any_of(config_.meters, is_meter)) {
      report_.error(written.at, "contains: '" + written.name + "' is a meter; meters go under energy");
      return;
    }
    std::vector<std::string_view> names;
    for (std::size_t i = 0; i < config_.scopes.size(); ++i)
      if (i != written.scope && !config_.scopes[i].name.empty()) names.push_back(config_.scopes[i].name);
    report_.error(written.at,
                  "contains: there is no scope '" + written.name + "'" + suggestion(written.name, names));
  }

  Config& config_;
  Reporter& report_;
  std::vector<std::optional<WrittenName>> around_;  // the entry that put the scope inside another
};

}  // namespace

void link_scopes(std::span<const WrittenName> contains, Config& config, Reporter& report) {
  Linker linker(config, report);
  for (const WrittenName& written : contains) linker.link(written);
}

void check_energy(std::span<const WrittenEnergy> energy, const Config& config, Reporter& report) {
  const ScopeTree tree(config.scopes);
  std::map<EnergyEntry, const WrittenEnergy*> owners;
  std::map<std::string_view, std::vector<const WrittenEnergy*>> of_meter;
  const auto may_stand_beside = [&](const WrittenEnergy& one, const WrittenEnergy& other) {
    const bool is_whole_and_branch = (one.entry.branch == 0) != (other.entry.branch == 0);
    return !is_whole_and_branch || tree.lies_inside(one.scope, other.scope) ||
           tree.lies_inside(other.scope, one.scope);
  };
  for (const WrittenEnergy& written : energy) {
    const auto [owner, is_new] = owners.try_emplace(written.entry, &written);
    if (!is_new) {
      report.error(written.at, "energy: '" + written.entry.text() + "' is already in a scope (" +
                                   in_line(owner->second->at) + "); a source is named in one scope, once");
      continue;
    }
    auto& others = of_meter[written.entry.meter];
    const auto beside = std::ranges::find_if(
        others, [&](const WrittenEnergy* other) { return !may_stand_beside(written, *other); });
    if (beside != others.end())
      report.error(written.at, "energy: '" + written.entry.text() + "' and '" + (*beside)->entry.text() +
                                   "' (" + in_line((*beside)->at) +
                                   ") are the same energy; a meter and its own branches are only counted "
                                   "where one scope contains the other");
    others.push_back(&written);
  }
}

void check_work(std::span<const WrittenName> work, std::span<const std::string> possible,
                const Config& config, Reporter& report) {
  const ScopeTree tree(config.scopes);
  const auto leaves_out = [&](const WrittenName& outer, const WrittenName& inner) {
    return is_glob(outer.name) && tree.lies_inside(inner.scope, outer.scope);
  };
  std::vector<bool> reported(work.size(), false);
  std::vector<const WrittenName*> naming;
  for (const std::string& name : possible) {
    naming.clear();
    for (std::size_t i = 0; i < work.size(); ++i) {
      const WrittenName& entry = work[i];
      if (entry.name != name && !(is_glob(entry.name) && matches_glob(entry.name, name))) continue;
      const auto twice = std::ranges::find_if(naming, [&](const WrittenName* other) {
        return !leaves_out(entry, *other) && !leaves_out(*other, entry);
      });
      if (twice == naming.end()) {
        naming.push_back(&entry);
      } else if (!reported[i]) {
        report.error(entry.at, "work: '" + entry.name + "' names " + name + ", which '" + (*twice)->name +
                                   "' in " + in_line((*twice)->at) +
                                   " names already; a source is named in one scope, once");
        reported[i] = true;
      }
    }
  }
}

}  // namespace flopwatt
