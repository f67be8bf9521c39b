#include "agent/store/record.h"

#include <doctest/doctest.h>

#include <bit>
#include <cmath>
#include <limits>
#include <random>

namespace flopwatt::store {
namespace {

constexpr Row first_row{1'790'000'000'000'001, 1'790'000'000'250'000, 3, 77};

Layout layout_with(std::vector<std::pair<Wire, double>> fields) {
  auto source = std::make_shared<Source>();
  Layout layout;
  for (const auto& [wire, scale] : fields) {
    layout.fields.push_back({wire, scale, layout.fields.size()});
    source->fields.push_back({{Quantity::active_power, Place::whole, 0}, wire, scale, 0.0});
  }
  layout.source = source;
  layout.baseline.assign(fields.size(), absent);
  return layout;
}

Bytes encoded(const Layout& layout, const std::vector<double>& values) {
  Bytes bytes;
  encode(first_row, {layout.source, {first_row.wall_us, -5'000'000}, 1'234, values}, 1, layout, bytes);
  return bytes;
}

/// Bit for bit, so that 0.0 and -0.0 differ.
bool same(const std::vector<double>& a, const std::vector<double>& b) {
  if (a.size() != b.size()) return false;
  for (std::size_t i = 0; i < a.size(); ++i)
    if (std::bit_cast<std::uint64_t>(a[i]) != std::bit_cast<std::uint64_t>(b[i])) return false;
  return true;
}

void check_round_trip(const Layout& layout, const std::vector<double>& values) {
  const Bytes bytes = encoded(layout, values);
  const auto set = decode(first_row, bytes, layout);
  REQUIRE(set);
  CHECK(set->source == layout.source);
  CHECK(set->time == Moment{first_row.wall_us, -5'000'000});
  CHECK(set->half_duration_us == 1'234);
  CHECK(same(set->values, values));
  const auto time = decode_boot_time(bytes);
  REQUIRE(time);
  CHECK(time->boot == 1);
  CHECK(time->monotonic_us == -5'000'000);
}

// 1 boot + 4 clock + 2 half duration + 4 CRC, for the sets of these tests
constexpr std::size_t frame = 11;

struct WireCase {
  Wire wire;
  std::size_t width;
  std::vector<double> values;
};

TEST_CASE("every wire type packs its extreme values at its width") {
  constexpr double two63 = 9223372036854775808.0;
  const std::vector<WireCase> cases = {
      {Wire::u8, 1, {0, 1, 255}},
      {Wire::u16, 2, {0, 65535}},
      {Wire::i16, 2, {-32768, -1, 32767}},
      {Wire::u32, 4, {0, 4294967295.0}},
      {Wire::i32, 4, {-2147483648.0, -1, 2147483647.0}},
      {Wire::u64, 8, {0, 9007199254740993.0, two63, 18446744073709549568.0}},
      {Wire::i64, 8, {-two63, -1, 9223372036854774784.0}},
      {Wire::f32, 4, {0, -0.0, double{1.1F}, double{std::numeric_limits<float>::max()}, double{1e-45F}}},
      {Wire::f64, 8, {0.1, -0.0, 1e300, 5e-324}},
  };
  for (const WireCase& wire : cases) {
    for (const double value : wire.values) {
      CAPTURE(static_cast<int>(wire.wire));
      CAPTURE(value);
      const Layout layout = layout_with({{wire.wire, 1.0}});
      check_round_trip(layout, {value});
      CHECK(encoded(layout, {value}).size() == frame + 1 + wire.width);
    }
  }
}

TEST_CASE("scaled values come back bit for bit at their wire width") {
  for (const double scale : {0.1, 0.01, 0.001, 1000.0, 1e-9, 3.6e6, 1.0 / 3.0}) {
    const Layout layout = layout_with({{Wire::u16, scale}, {Wire::i32, scale}, {Wire::f32, scale}});
    for (const int raw : {0, 1, 3, 7, 2301, 49999, 65535}) {
      const std::vector<double> values = {held_value(raw, scale), held_value(-raw * 7, scale),
                                          held_value(double{0.37F * static_cast<float>(raw)}, scale)};
      CAPTURE(scale);
      CAPTURE(raw);
      check_round_trip(layout, values);
      // (-0.0, which is no integer, is the exception.)
      if (raw != 0) CHECK(encoded(layout, values).size() == frame + 1 + 2 + 4 + 4);
    }
  }
}

TEST_CASE("what the wire type cannot give back is written exactly") {
  const double infinity = std::numeric_limits<double>::infinity();
  for (const auto& [wire, value] : std::vector<std::pair<Wire, double>>{{Wire::u16, 65536},
                                                                        {Wire::u16, -1},
                                                                        {Wire::u16, 0.5},
                                                                        {Wire::u16, -0.0},
                                                                        {Wire::i16, 32768},
                                                                        {Wire::u64, 18446744073709551616.0},
                                                                        {Wire::i64, 9223372036854775808.0},
                                                                        {Wire::f32, 0.1},
                                                                        {Wire::f32, 1e39},
                                                                        {Wire::f32, infinity},
                                                                        {Wire::u8, -infinity}}) {
    CAPTURE(static_cast<int>(wire));
    CAPTURE(value);
    const Layout layout = layout_with({{wire, 1.0}});
    check_round_trip(layout, {value});
    CHECK(encoded(layout, {value}).size() == frame + 1 + 8);
  }
  check_round_trip(layout_with({{Wire::u32, 0.0}}), {12.0});  // a scale that divides by zero
}

TEST_CASE("absent values and those of the baseline cost two bits") {
  Layout layout =
      layout_with({{Wire::f64, 1.0}, {Wire::f64, 1.0}, {Wire::f64, 1.0}, {Wire::f64, 1.0}, {Wire::f64, 1.0}});
  layout.baseline = {1.5, absent, 0.0, 4.5, 5.5};
  const std::vector<double> values = {1.5, absent, -0.0, absent, 5.5};
  check_round_trip(layout, values);
  CHECK(encoded(layout, values).size() == frame + 2 + 8);
}

TEST_CASE("a field that this version does not know is read over") {
  Layout layout = layout_with({{Wire::u16, 1.0}, {Wire::u32, 1.0}, {Wire::u16, 1.0}});
  const Bytes bytes = encoded(layout, {1, 2, 3});
  auto source = std::make_shared<Source>(*layout.source);
  source->fields.erase(source->fields.begin() + 1);
  layout.source = source;
  layout.fields[1].index = StoredField::unknown;
  layout.fields[2].index = 1;
  const auto set = decode(first_row, bytes, layout);
  REQUIRE(set);
  CHECK(same(set->values, {1, 3}));
}

TEST_CASE("any flipped bit, a shorter or longer row, and another row's columns are noticed") {
  const Layout layout = layout_with({{Wire::f32, 1.0}, {Wire::u16, 0.1}, {Wire::f64, 1.0}});
  const Bytes good = encoded(layout, {230.5, absent, 1e18});
  for (std::size_t bit = 0; bit < good.size() * 8; ++bit) {
    Bytes bad = good;
    bad[bit / 8] = static_cast<std::uint8_t>(bad[bit / 8] ^ (1U << (bit % 8)));
    CHECK_FALSE(decode(first_row, bad, layout));
  }
  for (std::size_t size = 0; size < good.size(); ++size)
    CHECK_FALSE(decode(first_row, std::span(good).first(size), layout));
  Bytes longer = good;
  longer.push_back(0);
  CHECK_FALSE(decode(first_row, longer, layout));
  CHECK_FALSE(
      decode({first_row.seq + 1, first_row.wall_us, first_row.source, first_row.total}, good, layout));
  CHECK_FALSE(
      decode({first_row.seq, first_row.wall_us + 1, first_row.source, first_row.total}, good, layout));
  CHECK_FALSE(
      decode({first_row.seq, first_row.wall_us, first_row.source + 1, first_row.total}, good, layout));
  CHECK_FALSE(
      decode({first_row.seq, first_row.wall_us, first_row.source, first_row.total + 1}, good, layout));
}

TEST_CASE("random sets of random layouts come back bit for bit") {
  std::mt19937_64 random(20261123);
  const auto upto = [&](std::uint64_t n) {
    return std::uniform_int_distribution<std::uint64_t>(0, n)(random);
  };
  constexpr double scales[] = {1.0, 0.1, 0.001, 1000.0, 1e9, 0.7};
  for (int round = 0; round < 3'000; ++round) {
    std::vector<std::pair<Wire, double>> fields;
    for (std::uint64_t i = upto(40); i > 0; --i)
      fields.emplace_back(static_cast<Wire>(1 + upto(8)), scales[upto(5)]);
    Layout layout = layout_with(fields);
    std::vector<double> values;
    for (const auto& [wire, scale] : fields) {
      const std::uint64_t bits = random();
      double value = absent;
      switch (upto(4)) {
        case 0:
          value = held_value(static_cast<double>(bits >> upto(63)), scale);
          break;
        case 1:
          value = held_value(double{std::bit_cast<float>(static_cast<std::uint32_t>(bits))}, scale);
          break;
        case 2:
          value = std::bit_cast<double>(bits);
          break;
        case 3:
          value = held_value(static_cast<std::int16_t>(bits), scale);
          break;
        default:
          break;
      }
      values.push_back(is_known(value) ? value : absent);  // one NaN stands for all
      if (upto(2) == 0) layout.baseline[values.size() - 1] = values.back();
    }
    check_round_trip(layout, values);
  }
}

}  // namespace
}  // namespace flopwatt::store
