#include "agent/commands/read/survey.h"

#include <algorithm>
#include <utility>

#include "runtime/text/json_parse.h"
#include "runtime/text/reading_json.h"

namespace flopwatt::commands {
namespace {

namespace json = boost::json;

std::string description_of(const Identity& identity) {
  std::string text = identity.vendor;
  // Product names often begin with their vendor's.
  if (!text.empty() && identity.model.starts_with(text)) return identity.model;
  if (!text.empty() && !identity.model.empty()) text += ' ';
  return text + identity.model;
}

json::object figures_of(const ReadingSet& set) {
  std::string text;
  JsonLayout(set.source).append(text, set);
  return parse_json(text).as_object();
}

}  // namespace

bool Survey::Entry::settled() const {
  const unsigned needed = source->kind == SourceKind::accelerator ? 2 : 1;
  return removed || fault || answers >= needed;
}

SourceId Survey::add(SourcePtr source) {
  const auto id = static_cast<SourceId>(entries_.size());
  entries_.push_back({.source = work_columns_.describe(id, source), .newest = {}, .fault = {}});
  return id;
}

void Survey::describe(SourceId id, SourcePtr source) {
  entries_.at(id).source = work_columns_.describe(id, source);
}

void Survey::accept(SourceId id, ReadingSet set, std::chrono::microseconds, std::chrono::microseconds) {
  Entry& entry = entries_.at(id);
  if (entry.settled()) return;
  work_columns_.complete(id, set);
  entry.newest = std::move(set);
  ++entry.answers;
}

void Survey::fail(SourceId id, Fault fault, std::chrono::microseconds, std::chrono::microseconds) {
  Entry& entry = entries_.at(id);
  if (!entry.settled()) entry.fault = std::move(fault);
}

void Survey::remove(SourceId id) {
  work_columns_.remove(id);
  entries_.at(id).removed = true;
}

bool Survey::complete() const { return std::ranges::all_of(entries_, &Entry::settled); }

std::vector<ReadingSet> Survey::sets() const {
  std::vector<ReadingSet> sets;
  for (const Entry& entry : entries_)
    if (entry.newest && !entry.removed) sets.push_back(*entry.newest);
  return sets;
}

std::vector<SourceReport> Survey::reports(const WhyAbsent& why_absent, const std::string& late) const {
  std::vector<SourceReport> reports;
  for (SourceId id = 0; id < entries_.size(); ++id) {
    const Entry& entry = entries_[id];
    if (entry.removed) continue;
    const Source& source = *entry.source;
    SourceReport report;
    report.name = source.name;
    report.kind = source.kind;
    report.description = description_of(source.identity);
    report.keys = daemon::keys_of(source.kind, source.fields);
    // A first answer stands, also where the second was not to be had.
    if (entry.newest) {
      report.figures = figures_of(*entry.newest);
      report.missing =
          daemon::missing_of(*entry.newest, [&](Channel channel) { return why_absent(id, channel); });
    } else {
      report.fault = entry.fault ? entry.fault->message : late;
      for (const Key& key : report.keys) report.missing.push_back({key.text, report.fault});
    }
    reports.push_back(std::move(report));
  }
  return reports;
}

}  // namespace flopwatt::commands
