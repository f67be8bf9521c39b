#include "exporters/prometheus/metrics_page.h"

#include "exporters/prometheus/agent_series.h"
#include "exporters/prometheus/page_writer.h"

namespace flopwatt::exposition {

std::string MetricsPage::render(const Snapshot& snapshot) {
  std::string page;
  page.reserve(expected_size_);
  PageWriter writer(page);
  readings_.write(writer, snapshot);
  for (const auto& family : AgentSeries(snapshot).Collect()) writer.write(family);
  for (const auto& family : ProcessSeries().Collect()) writer.write(family);
  expected_size_ = page.size() + page.size() / 16;
  return page;
}

}  // namespace flopwatt::exposition
