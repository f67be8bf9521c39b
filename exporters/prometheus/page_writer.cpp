#include "exporters/prometheus/page_writer.h"

#include <prometheus/metric_family.h>

#include <cmath>
#include <stdexcept>

#include "runtime/number_text.h"

namespace flopwatt::exposition {
namespace {

std::string_view name_of(FamilyType type) {
  switch (type) {
    case FamilyType::counter:
      return "counter";
    case FamilyType::gauge:
      return "gauge";
    case FamilyType::histogram:
      return "histogram";
  }
  return "gauge";
}

FamilyType type_of(::prometheus::MetricType type) {
  if (type == ::prometheus::MetricType::Counter) return FamilyType::counter;
  if (type == ::prometheus::MetricType::Gauge) return FamilyType::gauge;
  if (type == ::prometheus::MetricType::Histogram) return FamilyType::histogram;
  throw std::invalid_argument("a metric family is neither counter, gauge nor histogram");
}

std::string labels_of(const ::prometheus::ClientMetric& metric) {
  std::string labels;
  for (const auto& label : metric.label) append_label(labels, label.name, label.value);
  return labels;
}

}  // namespace

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

void PageWriter::begin_family() {
  begun_ = true;
  out_ += "# HELP ";
  out_ += name_;
  out_ += ' ';
  for (const char c : help_) {
    if (c == '\n')
      out_ += "\\n";
    else if (c == '\\')
      out_ += "\\\\";
    else
      out_ += c;
  }
  out_ += "\n# TYPE ";
  out_ += name_;
  out_ += ' ';
  out_ += name_of(type_);
  out_ += '\n';
}

void PageWriter::sample_of_part(std::string_view part, std::string_view labels, double value) {
  if (!std::isfinite(value)) return;
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
  out_ += '\n';
}

void PageWriter::write(const ::prometheus::MetricFamily& metrics) {
  family(metrics.name, type_of(metrics.type), metrics.help);
  for (const auto& metric : metrics.metric) {
    const std::string labels = labels_of(metric);
    if (type_ == FamilyType::counter) sample(labels, metric.counter.value);
    if (type_ == FamilyType::gauge) sample(labels, metric.gauge.value);
    if (type_ != FamilyType::histogram) continue;
    const auto& histogram = metric.histogram;
    for (const auto& bucket : histogram.bucket) {
      std::string bound = "+Inf";
      if (std::isfinite(bucket.upper_bound)) {
        bound.clear();
        append_number(bound, bucket.upper_bound);
      }
      std::string bucket_labels = labels;
      append_label(bucket_labels, "le", bound);
      sample_of_part("_bucket", bucket_labels, static_cast<double>(bucket.cumulative_count));
    }
    sample_of_part("_sum", labels, histogram.sample_sum);
    sample_of_part("_count", labels, static_cast<double>(histogram.sample_count));
  }
}

}  // namespace flopwatt::exposition
