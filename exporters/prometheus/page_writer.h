// The text formats that Prometheus reads: the classic one (0.0.4) and OpenMetrics 1.0, for whatever is on the
// page. The caller writes family by family; a family's metadata comes before its first sample, and a family
// without samples leaves nothing. Names are those of the classic format: "x_joules_total", "x_info".
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

namespace prometheus {
struct MetricFamily;
}

namespace flopwatt::prometheus {

enum class PageFormat : std::uint8_t { classic, openmetrics };

/// As HTTP names the format.
[[nodiscard]] std::string_view content_type_of(PageFormat format);

/// `info`: a gauge of 1 in the classic format; its name ends in _info.
enum class FamilyType : unsigned char { counter, gauge, histogram, info };

/// Appends `name="value"`, escaped, with a comma before it unless it is the first. Not for the hot path:
/// label strings are made once.
void append_label(std::string& labels, std::string_view name, std::string_view value);

class PageWriter {
 public:
  explicit PageWriter(std::string& out, PageFormat format = PageFormat::classic)
      : out_(out), format_(format) {}

  /// Begins the next family. The views must hold until the family after it begins.
  void family(std::string_view name, FamilyType type, std::string_view help);

  /// One sample of the present family: `labels` as append_label made them, without braces. An unknown or
  /// infinite value is left out, and so is a counter below 0. A strict reader would refuse the whole page for
  /// one such line.
  void sample(std::string_view labels, double value) { sample_of_part({}, labels, value, std::nullopt); }

  /// The same with the time at which the value held. OpenMetrics only.
  void sample(std::string_view labels, double value, std::int64_t wall_us) {
    sample_of_part({}, labels, value, wall_us);
  }

  /// A whole family of the prometheus-cpp model. Counters, gauges (one whose name ends in _info is an info)
  /// and histograms only; others throw std::invalid_argument.
  void write(const ::prometheus::MetricFamily& family);

  /// The end of the page; nothing may follow.
  void finish();

 private:
  // `part`: "_bucket", "_sum" or "_count" of a histogram.
  void sample_of_part(std::string_view part, std::string_view labels, double value,
                      std::optional<std::int64_t> wall_us);
  void begin_family();
  void append_metadata(std::string_view keyword, std::string_view text);
  void append_help(std::string_view text);

  std::string& out_;
  PageFormat format_;
  std::string_view name_, help_;
  FamilyType type_ = FamilyType::gauge;
  bool begun_ = true;
};

}  // namespace flopwatt::prometheus
