#include "exporters/prometheus/page_writer.h"

#include <prometheus/metric_family.h>

#include <algorithm>
#include <array>
#include <charconv>
#include <cmath>
#include <stdexcept>

#include "runtime/text/number_text.h"

namespace flopwatt::prometheus {
namespace {

constexpr std::string_view info_suffix = "_info";

std::string_view name_of(FamilyType type, PageFormat format) {
  switch (type) {
    case FamilyType::counter:
      return "counter";
    case FamilyType::gauge:
      return "gauge";
    case FamilyType::histogram:
      return "histogram";
    case FamilyType::info:
      return format == PageFormat::openmetrics ? "info" : "gauge";
  }
  return "gauge";
}

FamilyType type_of(const ::prometheus::MetricFamily& family) {
  using ::prometheus::MetricType;
  if (family.type == MetricType::Counter) return FamilyType::counter;
  if (family.type == MetricType::Gauge)
    return family.name.ends_with(info_suffix) ? FamilyType::info : FamilyType::gauge;
  if (family.type == MetricType::Histogram) return FamilyType::histogram;
  throw std::invalid_argument("a metric family is neither counter, gauge nor histogram");
}

// OpenMetrics names a family without what its samples add.
std::string_view family_name(std::string_view name, FamilyType type) {
  const std::string_view suffix = type == FamilyType::counter ? "_total"
                                  : type == FamilyType::info  ? info_suffix
                                                              : std::string_view{};
  if (name.ends_with(suffix)) name.remove_suffix(suffix.size());
  return name;
}

// The unit that the name ends in, "" where it ends in none. Of two that fit, the longer stands first.
std::string_view unit_of(std::string_view name) {
  constexpr auto units = std::to_array<std::string_view>(
      {"joules_per_flop", "flop_per_second", "flop_per_joule", "flop", "joules", "watts", "voltamperes",
       "vars", "volts", "amperes", "hertz", "celsius", "bytes", "seconds", "grams", "ratio"});
  const auto* const unit = std::ranges::find_if(units, [&](std::string_view candidate) {
    return name.size() > candidate.size() && name.ends_with(candidate) &&
           name[name.size() - candidate.size() - 1] == '_';
  });
  return unit == units.end() ? std::string_view{} : *unit;
}

std::string labels_of(const ::prometheus::ClientMetric& metric) {
  std::string labels;
  for (const auto& label : metric.label) append_label(labels, label.name, label.value);
  return labels;
}

// The bound of a bucket as the OpenMetrics specification writes it: "0.005", "1.0", "1e-05", "+Inf". The
// same in both formats, so that a series is the same whichever was scraped.
std::string bound_text(double bound) {
  if (!std::isfinite(bound)) return "+Inf";
  constexpr double smallest_fixed = 1e-4, largest_fixed = 1e6;
  const bool fixed = bound == 0 || (std::abs(bound) >= smallest_fixed && std::abs(bound) < largest_fixed);
  std::array<char, 32> digits{};
  const auto end = std::to_chars(digits.data(), digits.data() + digits.size(), bound,
                                 fixed ? std::chars_format::fixed : std::chars_format::scientific)
                       .ptr;
  std::string text(digits.data(), end);
  if (text.find_first_of(".e") == std::string::npos) text += ".0";
  return text;
}

// Seconds, to the microsecond.
void append_seconds(std::string& out, std::int64_t wall_us) {
  constexpr std::int64_t per_second = 1'000'000;
  append_integer(out, static_cast<std::uint64_t>(wall_us / per_second));
  std::int64_t rest = wall_us % per_second;
  if (rest == 0) return;
  out += '.';
  for (std::int64_t digit = per_second / 10; rest > 0; digit /= 10) {
    out += static_cast<char>('0' + rest / digit);
    rest %= digit;
  }
}

}  // namespace

std::string_view content_type_of(PageFormat format) {
  return format == PageFormat::openmetrics ? "application/openmetrics-text; version=1.0.0; charset=utf-8"
                                           : "text/plain; version=0.0.4; charset=utf-8";
}

void append_label(std::string& labels, std::string_view name, std::string_view value) {
  if (!labels.empty()) labels += ',';
  labels += name;
  labels += "=\"";
  for (const char c : valid_utf8(value)) {
    if (c == '\n') {
      labels += "\\n";
      continue;
    }
    if (c == '"' || c == '\\') labels += '\\';
    labels += c;
  }
  labels += '"';
}

void PageWriter::family(std::string_view name, FamilyType type, std::string_view help) {
  name_ = name;
  type_ = type;
  help_ = help;
  begun_ = false;
}

void PageWriter::append_metadata(std::string_view keyword, std::string_view text) {
  out_ += "# ";
  out_ += keyword;
  out_ += ' ';
  out_ += format_ == PageFormat::openmetrics ? family_name(name_, type_) : name_;
  out_ += ' ';
  out_ += text;
}

void PageWriter::append_help(std::string_view text) {
  append_metadata("HELP", {});
  for (const char c : text) {
    if (c == '\n') {
      out_ += "\\n";
      continue;
    }
    // The classic format has nothing to escape a quotation mark from.
    if (c == '\\' || (c == '"' && format_ == PageFormat::openmetrics)) out_ += '\\';
    out_ += c;
  }
  out_ += '\n';
}

void PageWriter::begin_family() {
  begun_ = true;
  // OpenMetrics recommends TYPE, UNIT, HELP; the classic format has no UNIT and custom has HELP first.
  if (format_ == PageFormat::classic) append_help(help_);
  append_metadata("TYPE", name_of(type_, format_));
  out_ += '\n';
  if (format_ == PageFormat::classic) return;
  if (const std::string_view unit = unit_of(family_name(name_, type_)); !unit.empty()) {
    append_metadata("UNIT", unit);
    out_ += '\n';
  }
  append_help(help_);
}

void PageWriter::sample_of_part(std::string_view part, std::string_view labels, double value,
                                std::optional<std::int64_t> wall_us) {
  if (!std::isfinite(value) || (type_ == FamilyType::counter && value < 0)) return;
  if (!begun_) begin_family();
  out_ += name_;
  out_ += part;
  if (!labels.empty()) {
    out_ += '{';
    out_ += labels;
    out_ += '}';
  }
  out_ += ' ';
  append_number(out_, value);
  if (wall_us) {
    out_ += ' ';
    append_seconds(out_, *wall_us);
  }
  out_ += '\n';
}

void PageWriter::write(const ::prometheus::MetricFamily& metrics) {
  family(metrics.name, type_of(metrics), metrics.help);
  for (const auto& metric : metrics.metric) {
    const std::string labels = labels_of(metric);
    if (type_ == FamilyType::counter) sample(labels, metric.counter.value);
    if (type_ == FamilyType::gauge || type_ == FamilyType::info) sample(labels, metric.gauge.value);
    if (type_ != FamilyType::histogram) continue;
    const auto& histogram = metric.histogram;
    for (const auto& bucket : histogram.bucket) {
      std::string bucket_labels = labels;
      append_label(bucket_labels, "le", bound_text(bucket.upper_bound));
      sample_of_part("_bucket", bucket_labels, static_cast<double>(bucket.cumulative_count), std::nullopt);
    }
    sample_of_part("_sum", labels, histogram.sample_sum, std::nullopt);
    sample_of_part("_count", labels, static_cast<double>(histogram.sample_count), std::nullopt);
  }
}

void PageWriter::finish() {
  if (format_ == PageFormat::openmetrics) out_ += "# EOF\n";
}

}  // namespace flopwatt::prometheus
