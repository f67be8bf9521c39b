#include "exporters/prometheus/page_writer.h"

#include <doctest/doctest.h>
#include <prometheus/metric_family.h>

#include <limits>
#include <stdexcept>
#include <utility>

#include "readings/reading_set.h"

using namespace flopwatt;
using namespace flopwatt::prometheus;

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
        "d_seconds_bucket{bus=\"a\",le=\"0.005\"} 3\nd_seconds_bucket{bus=\"a\",le=\"1.0\"} 4\n"
        "d_seconds_bucket{bus=\"a\",le=\"+Inf\"} 6\nd_seconds_sum{bus=\"a\"} "
        "12.25\nd_seconds_count{bus=\"a\"} 6\n");
}

TEST_CASE("OpenMetrics: families without suffix, unit where the name ends in one, times, an end") {
  std::string page;
  PageWriter writer(page, PageFormat::openmetrics);
  writer.family("a_joules_total", FamilyType::counter, "Says \"\\\" and\na second line.");
  writer.sample("x=\"1\"", 2.5, 1'795'437'841'250'000);
  writer.sample("x=\"1\"", 3, 1'795'437'842'000'000);
  writer.sample("x=\"1\"", 4, 1'795'437'842'000'070);
  writer.family("a_info", FamilyType::info, "h");
  writer.sample("x=\"1\"", 1);
  writer.family("b_flop_per_second", FamilyType::gauge, "h");
  writer.sample("", -0.1);
  writer.family("c_joules_per_flop_low", FamilyType::gauge, "h");
  writer.sample("", 1e-12);
  writer.family("d_joules_per_flop", FamilyType::gauge, "h");
  writer.sample("", 1e-12);
  writer.family("seconds", FamilyType::gauge, "h");
  writer.sample("", 1);
  writer.finish();
  CHECK(
      page ==
      "# TYPE a_joules counter\n# UNIT a_joules joules\n# HELP a_joules Says \\\"\\\\\\\" and\\na second "
      "line.\n"
      "a_joules_total{x=\"1\"} 2.5 1795437841.25\na_joules_total{x=\"1\"} 3 1795437842\n"
      "a_joules_total{x=\"1\"} 4 1795437842.00007\n"
      "# TYPE a info\n# HELP a h\na_info{x=\"1\"} 1\n"
      "# TYPE b_flop_per_second gauge\n# UNIT b_flop_per_second flop_per_second\n# HELP b_flop_per_second h\n"
      "b_flop_per_second -0.1\n"
      "# TYPE c_joules_per_flop_low gauge\n# HELP c_joules_per_flop_low h\nc_joules_per_flop_low 1e-12\n"
      "# TYPE d_joules_per_flop gauge\n# UNIT d_joules_per_flop joules_per_flop\n# HELP d_joules_per_flop h\n"
      "d_joules_per_flop 1e-12\n"
      "# TYPE seconds gauge\n# HELP seconds h\nseconds 1\n# EOF\n");
}

TEST_CASE("the classic format has no end, and an info is a gauge") {
  std::string page;
  PageWriter writer(page);
  writer.family("a_info", FamilyType::info, "\"h\"");
  writer.sample("", 1);
  writer.finish();
  CHECK(page == "# HELP a_info \"h\"\n# TYPE a_info gauge\na_info 1\n");
}

TEST_CASE("a counter below 0 is no sample") {
  std::string page;
  PageWriter writer(page);
  writer.family("a_total", FamilyType::counter, "h");
  writer.sample("", -1);
  CHECK(page.empty());
}

TEST_CASE("bounds of buckets as the OpenMetrics specification writes them, in both formats") {
  const std::pair<double, const char*> bounds[] = {{0, "0.0"},        {1e-10, "1e-10"},     {1e-5, "1e-05"},
                                                   {1e-4, "0.0001"},  {0.00025, "0.00025"}, {0.001, "0.001"},
                                                   {0.95, "0.95"},    {1.7, "1.7"},         {10, "10.0"},
                                                   {1e5, "100000.0"}, {1e6, "1e+06"},       {1e10, "1e+10"}};
  for (const PageFormat format : {PageFormat::classic, PageFormat::openmetrics}) {
    for (const auto& [bound, text] : bounds) {
      ::prometheus::MetricFamily family{"d", "h", ::prometheus::MetricType::Histogram, {}};
      family.metric.emplace_back().histogram.bucket = {{3, bound}};
      std::string page;
      PageWriter(page, format).write(family);
      CHECK(page.find("d_bucket{le=\"" + std::string(text) + "\"} 3\n") != std::string::npos);
    }
  }
}

TEST_CASE("a family of a type that the agent does not use is a bug") {
  const ::prometheus::MetricFamily family{"s", "h", ::prometheus::MetricType::Summary, {}};
  std::string page;
  CHECK_THROWS_AS(PageWriter(page).write(family), std::invalid_argument);
}
