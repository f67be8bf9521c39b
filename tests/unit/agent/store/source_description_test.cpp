#include "agent/store/source_description.h"

#include <doctest/doctest.h>

#include <stdexcept>

#include "tests/unit/agent/store/store_fixture.h"

namespace flopwatt::store {
namespace {

TEST_CASE("a description reads as documented") {
  Source source = *testing::small_source();
  source.identity.vendor = "Eastron";
  source.identity.energy_source = EnergySource::counter;
  source.interval = source.effective_period = std::chrono::milliseconds(250);
  source.accuracy = 0.005;
  CHECK(describe(source) ==
        R"({"kind":"meter","name":"pdu-a","identity":{"vendor":"Eastron","energy_source":"counter"},)"
        R"("interval_us":250000,"effective_period_us":250000,"accuracy":"0.005","refresh_us":0,"fields":[)"
        R"({"quantity":"active_power","wire":7},)"
        R"({"quantity":"voltage","phase":"L1","wire":1,"scale":"0.1","resolution":"0.1"},)"
        R"({"quantity":"voltage","phase":"L2","wire":1,"scale":"0.1","resolution":"0.1"},)"
        R"({"quantity":"energy_import","wire":8}]})");
}

/// Every row of the table of quantities at every place that it has.
std::vector<Field> all_fields(SourceKind kind) {
  std::vector<Field> fields;
  for (const QuantityRow& row : quantity_table())
    for (int place = 0; place < static_cast<int>(Place::branch); ++place)
      if (row.source == kind && kind_of(static_cast<Place>(place)) == row.place)
        fields.push_back({{row.quantity, static_cast<Place>(place), 0}, Wire::u32, 1.0 / 3.0, 1e-7});
  return fields;
}

TEST_CASE("every source, with every channel there is, comes back equal") {
  for (const SourceKind kind : all_source_kinds) {
    Source source;
    source.kind = kind;
    source.name = "rack-r12/15m";
    source.identity = {"NVIDIA", "H200 \"x\"", "\xff\n\x01",   "p",     "0.5",
                       "A",      "GPU-1",      "0000:41:00.0", "535.1", EnergySource::integrated};
    source.identity.branch_labels = {{1, "gpu-01 \"psu\""}, {65535, ""}};
    source.interval = std::chrono::microseconds(1);
    source.effective_period = std::chrono::hours(9999);
    source.accuracy = 0.1 + 0.2;
    source.ct_accuracy = 5e-324;
    source.refresh = std::chrono::milliseconds(100);
    source.sensor = {std::chrono::milliseconds(25), std::chrono::milliseconds(100)};
    source.fields = all_fields(kind);
    if (kind == SourceKind::meter)
      source.fields.push_back({{Quantity::current, Place::branch, 65535}, Wire::u16, 0.1, 0.1});
    const auto layout = parse_description(describe(source));
    REQUIRE(layout);
    CHECK(*layout->source == source);
    REQUIRE(layout->fields.size() == source.fields.size());
    for (std::size_t i = 0; i < source.fields.size(); ++i) {
      CHECK(layout->fields[i].index == i);
      CHECK(layout->fields[i].scale == source.fields[i].scale);
      CHECK(layout->fields[i].wire == source.fields[i].wire);
    }
  }
}

TEST_CASE("a channel that is not in the table is a bug") {
  Source source = *testing::small_source();
  source.fields[0].channel = {Quantity::joules_per_flop, Place::whole, 0};
  CHECK_THROWS_AS((void)describe(source), std::logic_error);
}

TEST_CASE("a quantity or place of a later version keeps its place in the layout only") {
  std::string text = describe(*testing::small_source());
  text.replace(text.find("active_power"), 12, "later_power!");
  text.replace(text.find("\"L2\""), 4, "\"L9\"");
  const auto layout = parse_description(text);
  REQUIRE(layout);
  CHECK(layout->source->fields.size() == 2);
  REQUIRE(layout->fields.size() == 4);
  CHECK(layout->fields[0].index == StoredField::unknown);
  CHECK(layout->fields[1].index == 0);
  CHECK(layout->fields[2].index == StoredField::unknown);
  CHECK(layout->fields[3].index == 1);
}

TEST_CASE("a text that is no description is an error, and says why") {
  const std::string good = describe(*testing::small_source());
  const auto error_with = [&](const std::string& part, const std::string& instead) {
    std::string text = good;
    text.replace(text.find(part), part.size(), instead);
    const auto layout = parse_description(text);
    REQUIRE_FALSE(layout);
    return layout.error();
  };
  CHECK(error_with("\"meter\"", "\"planet\"") == "unknown kind of source \"planet\"");
  CHECK(error_with("\"wire\":7", "\"wire\":0") == "unknown wire type 0");
  CHECK(error_with("\"wire\":7", "\"wire\":10") == "unknown wire type 10");
  CHECK(error_with("\"scale\":\"0.1\"", "\"scale\":\"0.1V\"") == "\"scale\" is no number");
  CHECK(error_with("\"scale\":\"0.1\"", "\"scale\":0.1") == "\"scale\" is no text");
  CHECK(error_with("\"interval_us\":0", "\"interval_us\":\"0\"") == "\"interval_us\" is no integer");
  CHECK(error_with("\"identity\":{", "\"identity\":{\"branches\":{\"x\":\"y\"}") == "\"x\" is no branch");
  CHECK(error_with("\"identity\":{", "\"identity\":{\"branches\":{\"1\":2}") ==
        "the label of a branch is no text");
  CHECK(error_with("\"fields\":[", "\"felder\":[") == "\"fields\" is missing");
  for (std::size_t size = 0; size < good.size(); ++size) CHECK_FALSE(parse_description(good.substr(0, size)));
  CHECK_FALSE(parse_description("[]"));
}

}  // namespace
}  // namespace flopwatt::store
