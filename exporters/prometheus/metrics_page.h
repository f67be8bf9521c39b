// A snapshot as the page that Prometheus scrapes.
#pragma once

#include <string>

#include "exporters/prometheus/page_writer.h"
#include "exporters/prometheus/reading_series.h"
#include "exporters/snapshot.h"

namespace flopwatt::prometheus {

/// Renders pages, keeping label strings from one to the next. Serving loop.
class MetricsPage {
 public:
  /// The whole page with every series of CONTRACT section 3 that there is.
  [[nodiscard]] std::string render(const Snapshot& snapshot, PageFormat format = PageFormat::classic);

 private:
  ReadingSeries readings_;
  std::size_t expected_size_ = 0;
};

}  // namespace flopwatt::prometheus
