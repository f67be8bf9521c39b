#include "runtime/text/reading_json.h"

#include <doctest/doctest.h>

#include <algorithm>
#include <chrono>
#include <limits>

using namespace flopwatt;
using Q = Quantity;

namespace {

constexpr std::int64_t noon_us = 1'795'437'841'250'000;  // 2026-11-23T12:44:01.250Z

struct Reading {
  Channel channel;
  double value;
};

ReadingSet set_of(SourceKind kind, const std::string& name, std::initializer_list<Reading> readings,
                  Identity identity = {}, std::chrono::microseconds interval = std::chrono::seconds(1)) {
  auto source = std::make_shared<Source>();
  source->kind = kind;
  source->name = name;
  source->identity = std::move(identity);
  source->interval = interval;
  ReadingSet set;
  set.time.wall_us = noon_us;
  for (const Reading& reading : readings) {
    source->fields.push_back({.channel = reading.channel});
    set.values.push_back(reading.value);
  }
  set.source = std::move(source);
  return set;
}

std::string json_of(const ReadingSet& set, std::uint64_t seq = 0) {
  std::string out;
  JsonLayout(set.source).append(out, set, seq);
  return out;
}

}  // namespace

TEST_CASE("a meter's object, to the letter") {
  const ReadingSet set = set_of(SourceKind::meter, "pdu-a",
                                {{{Q::frequency}, 50.01},
                                 {{Q::power_factor}, 0.98},
                                 {{Q::reactive_power}, -12.5},
                                 {{Q::apparent_power}, 1300},
                                 {{Q::active_power, Place::l1}, 400.5},
                                 {{Q::current, Place::n}, 0.25},
                                 {{Q::current, Place::l1}, 5.5},
                                 {{Q::voltage, Place::l1_l2}, 400.2},
                                 {{Q::voltage, Place::l2}, 231},
                                 {{Q::voltage, Place::l1}, 230.1},
                                 {{Q::energy_export}, 0},
                                 {{Q::energy_import}, 123456789.5},
                                 {{Q::active_power}, 1201.25}});
  CHECK(
      json_of(set, 1795437841250000) ==
      R"({"seq":1795437841250000,"time":"2026-11-23T12:44:01.250Z","active_power_w":1201.25,)"
      R"("energy_import_wh_total":123456789.5,"energy_export_wh_total":0,"voltage_l1_v":230.1,"voltage_l2_v":231,)"
      R"("voltage_l1_l2_v":400.2,"current_l1_a":5.5,"current_n_a":0.25,"active_power_l1_w":400.5,)"
      R"("apparent_power_va":1300,"reactive_power_var":-12.5,"power_factor":0.98,"frequency_hz":50.01})");
}

TEST_CASE("an unknown value leaves its key out; no seq, no key") {
  const ReadingSet set = set_of(SourceKind::meter, "m",
                                {{{Q::active_power}, absent},
                                 {{Q::frequency}, 50},
                                 {{Q::power_factor}, std::numeric_limits<double>::infinity()}});
  CHECK(json_of(set) == R"({"time":"2026-11-23T12:44:01.250Z","frequency_hz":50})");
}

TEST_CASE("branches by number behind everything else; what is unknown is left out, also a whole branch") {
  ReadingSet set = set_of(SourceKind::meter, "pdu-a",
                          {{{Q::current, Place::branch, 12}, 1.5},
                           {{Q::active_power, Place::branch, 7}, 600.5},
                           {{Q::energy_import, Place::branch, 12}, absent},
                           {{Q::current, Place::branch, 3}, absent},
                           {{Q::current, Place::branch, 7}, 2.5},
                           {{Q::energy_import, Place::branch, 7}, 1234},
                           {{Q::frequency}, 50},
                           {{Q::active_power, Place::branch, 12}, 350}});
  CHECK(json_of(set) == R"({"time":"2026-11-23T12:44:01.250Z","frequency_hz":50,"branches":{)"
                        R"("7":{"active_power_w":600.5,"energy_import_wh_total":1234,"current_a":2.5},)"
                        R"("12":{"active_power_w":350,"current_a":1.5}}})");
  std::ranges::fill(set.values, absent);
  CHECK(json_of(set) == R"({"time":"2026-11-23T12:44:01.250Z"})");
}

TEST_CASE("work that was counted for a scope") {
  const ReadingSet set = set_of(SourceKind::work, "gpu-01",
                                {{{Q::counted_work, Place::bf16}, 1e18}, {{Q::counted_work}, 1.5e18}});
  CHECK(json_of(set, 4) == R"({"seq":4,"time":"2026-11-23T12:44:01.250Z","flop_total":1.5e+18})");
}

TEST_CASE("an accelerator's object, to the letter; what is not published is not in it") {
  const std::initializer_list<Reading> readings = {{{Q::power}, 310.5},
                                                   {{Q::power_limit}, 700},
                                                   {{Q::energy}, 1e9},
                                                   {{Q::utilization}, 0.97},
                                                   {{Q::memory_used}, 85'899'345'920},
                                                   {{Q::core_clock}, 1.98e9},
                                                   {{Q::temperature}, 54},
                                                   {{Q::pipe_active, Place::hmma}, 0.5},
                                                   {{Q::pipe_work, Place::assumed_bf16}, 1.5e18},
                                                   {{Q::work}, 1.5e18},
                                                   {{Q::pipe_work_low}, 1e18},
                                                   {{Q::method}, static_cast<double>(Method::pipe)}};
  Identity identity;
  identity.uuid = "GPU-\"1\"";
  CHECK(
      json_of(set_of(SourceKind::accelerator, "nvidia0", readings, identity), 8) ==
      R"({"seq":8,"time":"2026-11-23T12:44:01.250Z","uuid":"GPU-\"1\"","power_w":310.5,"energy_j_total":1000000000,)"
      R"("utilization":0.97,"temperature_c":54,"core_clock_hz":1980000000,"memory_used_bytes":85899345920,)"
      R"("flop_total":1.5e+18,"method":"pipe","power_limit_w":700})");
}

TEST_CASE("no work, no method; no uuid, no key") {
  const ReadingSet set = set_of(SourceKind::accelerator, "nvidia0",
                                {{{Q::work}, 0}, {{Q::method}, static_cast<double>(Method::none)}});
  CHECK(json_of(set) == R"({"time":"2026-11-23T12:44:01.250Z","flop_total":0e+00})");
}

TEST_CASE("a window's object, to the letter: it starts its length before its time") {
  const ReadingSet set = set_of(SourceKind::window, "rack-r12/15m",
                                {{{Q::power}, 5000.5},
                                 {{Q::energy}, 4'500'450},
                                 {{Q::work}, 3e18},
                                 {{Q::joules_per_flop}, 1.50015e-12},
                                 {{Q::joules_per_flop_low}, 1.4e-12},
                                 {{Q::joules_per_flop_high}, 1.6e-12},
                                 {{Q::flop_per_second_per_watt}, 6.666e11},
                                 {{Q::uncertainty}, 0.021},
                                 {{Q::coverage}, 1},
                                 {{Q::method}, static_cast<double>(Method::pipe)}},
                                {}, std::chrono::minutes(15));
  CHECK(
      json_of(set, 9) ==
      R"({"seq":9,"start":"2026-11-23T12:29:01.250Z","time":"2026-11-23T12:44:01.250Z","power_w":5000.5,)"
      R"("energy_j":4500450,"flop":3e+18,"joules_per_flop":1.50015e-12,"joules_per_flop_low":1.4e-12,)"
      R"("joules_per_flop_high":1.6e-12,"flop_per_second_per_watt":666600000000,"uncertainty":0.021,"coverage":1,)"
      R"("method":"pipe"})");
}

TEST_CASE("one layout serves many sets, and appends") {
  ReadingSet set = set_of(SourceKind::meter, "m", {{{Q::frequency}, 50}});
  const JsonLayout layout(set.source);
  std::string out = "[";
  layout.append(out, set, 1);
  out += ',';
  set.values[0] = 49.5;
  layout.append(out, set, 2);
  CHECK(out == R"([{"seq":1,"time":"2026-11-23T12:44:01.250Z","frequency_hz":50},)"
               R"({"seq":2,"time":"2026-11-23T12:44:01.250Z","frequency_hz":49.5})");
}
