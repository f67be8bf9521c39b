// The Prometheus text format 0.0.4, for whatever is on the page. The caller writes family by family; a
// family's HELP and TYPE lines come before its first sample, and a family without samples leaves nothing.
#pragma once

#include <string>
#include <string_view>

namespace prometheus {
struct MetricFamily;
}

namespace flopwatt::exposition {

inline constexpr std::string_view classic_content_type = "text/plain; version=0.0.4; charset=utf-8";

enum class FamilyType : unsigned char { counter, gauge, histogram };

/// Appends `name="value"`, escaped, with a comma before it unless it is the first. Not for the hot path:
/// label strings are made once.
void append_label(std::string& labels, std::string_view name, std::string_view value);

class PageWriter {
 public:
  explicit PageWriter(std::string& out) : out_(out) {}

  /// Begins the next family. The views must hold until the family after it begins.
  void family(std::string_view name, FamilyType type, std::string_view help);

  /// One sample of the present family: `labels` as append_label made them, without braces. An unknown or
  /// infinite value is no sample.
  void sample(std::string_view labels, double value) { sample_of_part({}, labels, value); }

  /// A whole family of the prometheus-cpp model. Counters, gauges and histograms only; others throw
  /// std::invalid_argument.
  void write(const ::prometheus::MetricFamily& family);

 private:
  // `part`: "_bucket", "_sum" or "_count" of a histogram.
  void sample_of_part(std::string_view part, std::string_view labels, double value);
  void begin_family();

  std::string& out_;
  std::string_view name_, help_;
  FamilyType type_ = FamilyType::gauge;
  bool begun_ = true;
};

}  // namespace flopwatt::exposition
