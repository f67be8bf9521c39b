#include "exporters/prometheus/metrics_page.h"

#include "exporters/prometheus/agent_series.h"

namespace flopwatt::prometheus {

std::string MetricsPage::render(const Snapshot& snapshot, PageFormat format) {
  std::string page;
  page.reserve(expected_size_);
  PageWriter writer(page, format);
  readings_.write(writer, snapshot);
  for (const auto& family : AgentSeries(snapshot).Collect()) writer.write(family);
  for (const auto& family : ProcessSeries().Collect()) writer.write(family);
  writer.finish();
  expected_size_ = page.size() + page.size() / 16;
  return page;
}

}  // namespace flopwatt::prometheus
