#include <unistd.h>

#include <algorithm>
#include <array>
#include <csignal>
#include <iostream>
#include <limits>
#include <string>
#include <utility>
#include <vector>

#include "agent/commands/commands.h"
#include "agent/commands/export/csv.h"
#include "agent/commands/export/json_lines.h"
#include "agent/commands/export/openmetrics.h"
#include "runtime/clock.h"
#include "runtime/exit_code.h"

namespace flopwatt::commands {
namespace {

struct Format {
  std::string_view name;
  Result<Losses> (*write)(const Job& job);
  bool (*takes_name)(std::string_view name);  // whether the format itself uses that name
};

constexpr std::array formats = {
    Format{"csv", export_csv, is_csv_column}, Format{"jsonl", export_json_lines, is_json_key},
    Format{"openmetrics", [](const Job& job) { return export_openmetrics(job); }, is_series_label}};

int refuse(const std::string& message) {
  std::cerr << "flopwatt export: " << message << '\n';
  return exit_configuration;
}

// "" or the fault of the labels.
std::string fault_of(const std::vector<AddedLabel>& labels, const Format& format) {
  for (auto label = labels.begin(); label != labels.end(); ++label) {
    if (format.takes_name(label->name))
      return "--label: \"" + label->name + "\" is a name that the export itself uses; choose another";
    if (std::ranges::find(labels.begin(), label, label->name, &AddedLabel::name) != label)
      return "--label: \"" + label->name + "\" is given twice";
  }
  return {};
}

Parsed<std::int64_t> parse_bound(const std::string& text, std::int64_t now_us, std::int64_t without) {
  return text.empty() ? Parsed<std::int64_t>::good(without) : parse_moment(text, now_us);
}

/// Whether the reader left out more than single sets; says what.
bool say_what_was_left_out(const store::Reader::LeftOut& left_out) {
  for (const auto& [id, reason] : left_out.sources)
    std::cerr << "flopwatt export: the reading sets of one source left out: " << reason << '\n';
  for (const store::Span& broken : left_out.broken)
    std::cerr << "flopwatt export: the reading sets with seq " << broken.first << " to " << broken.last
              << " left out: their part of the file is damaged\n";
  return !left_out.sources.empty() || !left_out.broken.empty();
}

int report(const Result<Losses>& losses, const Output& out) {
  if (!losses) {
    std::cerr << "flopwatt export: " << losses.error().message << '\n';
    return exit_store;
  }
  if (!out.fault().empty()) {
    std::cerr << "flopwatt export: " << out.fault() << '\n';
    return exit_device;
  }
  if (losses->readings_in_the_past > 0)
    std::cerr << "flopwatt export: " << losses->readings_in_the_past
              << " readings left out: the clock had gone back, and a series may not\n";
  if (losses->damaged_sets == 0) return exit_good;
  std::cerr << "flopwatt export: " << losses->damaged_sets
            << " reading sets left out: they are damaged in the store (wrong checksum)\n";
  return exit_store;
}

}  // namespace

int export_store(const ExportArguments& arguments) {
  const auto format = std::ranges::find(formats, arguments.format, &Format::name);
  std::vector<AddedLabel> labels;
  for (const std::string& text : arguments.labels) {
    auto label = parse_label(text);
    if (!label.value) return refuse("--label=" + text + ": " + label.advice);
    labels.push_back(std::move(*label.value));
  }
  if (const std::string fault = fault_of(labels, *format); !fault.empty()) return refuse(fault);
  const std::int64_t now_us = now().wall_us;
  const auto since = parse_bound(arguments.since, now_us, std::numeric_limits<std::int64_t>::min());
  if (!since.value) return refuse("--since=" + arguments.since + ": " + since.advice);
  const auto until = parse_bound(arguments.until, now_us, std::numeric_limits<std::int64_t>::max());
  if (!until.value) return refuse("--until=" + arguments.until + ": " + until.advice);
  if (*since.value >= *until.value) return refuse("--since is not before --until: nothing is between them");

  // A reader that goes away, as `head` does, ends the export quietly.
  std::signal(SIGPIPE, SIG_IGN);
  Output out(STDOUT_FILENO);
  const auto reader = store::Reader::open(arguments.store);
  if (!reader) return report(reader.error(), out);
  const auto span = (*reader)->span();
  if (!span) return report(span.error(), out);
  const auto losses = format->write({**reader, out, *span, *since.value, *until.value, std::move(labels)});
  const int code = report(losses, out);
  return say_what_was_left_out((*reader)->left_out()) && code == exit_good ? exit_store : code;
}

}  // namespace flopwatt::commands
