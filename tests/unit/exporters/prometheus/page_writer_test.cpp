#include "exporters/prometheus/page_writer.h"

#include <doctest/doctest.h>
#include <prometheus/metric_family.h>

#include <limits>
#include <stdexcept>

#include "readings/reading_set.h"

using namespace flopwatt;
using namespace flopwatt::exposition;

TEST_CASE("a family's lines come once, before its first sample") {
  std::string page;
  PageWriter writer(page);
  writer.family("a_total", FamilyType::counter, "Counts.");
  writer.sample("x=\"1\"", 1);
  writer.sample("x=\"2\"", 2.5);
  writer.family("b_watts", FamilyType::gauge, "A \\ and\na second line.");
  writer.sample("", -0.1);
  CHECK(page ==
        "# HELP a_total Counts.\n# TYPE a_total counter\na_total{x=\"1\"} 1\na_total{x=\"2\"} 2.5\n"
        "# HELP b_watts A \\\\ and\\na second line.\n# TYPE b_watts gauge\nb_watts -0.1\n");
}

TEST_CASE("an unknown value is no sample, and a family without samples leaves nothing") {
  std::string page;
  PageWriter writer(page);
  writer.family("a", FamilyType::gauge, "h");
  writer.sample("", absent);
  writer.sample("", std::numeric_limits<double>::infinity());
  CHECK(page.empty());
}

TEST_CASE("label values are escaped and always UTF-8") {
  std::string labels;
  append_label(labels, "a", "plain");
  append_label(labels, "b", "q\" b\\ n\n \xFF");
  CHECK(labels == "a=\"plain\",b=\"q\\\" b\\\\ n\\n \xEF\xBF\xBD\"");
}

TEST_CASE("a histogram of the prometheus-cpp model") {
  ::prometheus::MetricFamily family{"d_seconds", "Durations.", ::prometheus::MetricType::Histogram, {}};
  auto& metric = family.metric.emplace_back();
  metric.label = {{"bus", "a"}};
  metric.histogram.bucket = {{3, 0.005}, {4, 1}, {6, std::numeric_limits<double>::infinity()}};
  metric.histogram.sample_count = 6;
  metric.histogram.sample_sum = 12.25;
  std::string page;
  PageWriter(page).write(family);
  CHECK(page ==
        "# HELP d_seconds Durations.\n# TYPE d_seconds histogram\n"
        "d_seconds_bucket{bus=\"a\",le=\"0.005\"} 3\nd_seconds_bucket{bus=\"a\",le=\"1\"} 4\n"
        "d_seconds_bucket{bus=\"a\",le=\"+Inf\"} 6\nd_seconds_sum{bus=\"a\"} "
        "12.25\nd_seconds_count{bus=\"a\"} 6\n");
}

TEST_CASE("a family of a type that the agent does not use is a bug") {
  const ::prometheus::MetricFamily family{"s", "h", ::prometheus::MetricType::Summary, {}};
  std::string page;
  CHECK_THROWS_AS(PageWriter(page).write(family), std::invalid_argument);
}
