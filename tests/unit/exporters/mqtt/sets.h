// Sources and reading sets for the tests of the MQTT exporter.
#pragma once

#include <memory>
#include <vector>

#include "readings/reading_set.h"

namespace flopwatt::test {

/// 2026-11-23T12:44:01.250Z
inline constexpr std::int64_t noon = 1'795'437'841'250'000;

inline SourcePtr meter(const std::string& name, const std::string& serial = "4711") {
  Source source;
  source.kind = SourceKind::meter;
  source.name = name;
  source.identity.vendor = "Eastron";
  source.identity.model = "SDM630";
  source.identity.serial = serial;
  source.identity.profile = "eastron-sdm630";
  source.interval = std::chrono::seconds(1);
  source.fields = {Field{.channel = {Quantity::active_power}}, Field{.channel = {Quantity::energy_import}},
                   Field{.channel = {Quantity::voltage, Place::l1}}};
  return std::make_shared<const Source>(source);
}

inline SourcePtr accelerator(const std::string& name) {
  Source source;
  source.kind = SourceKind::accelerator;
  source.name = name;
  source.identity.vendor = "NVIDIA";
  source.identity.model = "H200";
  source.identity.uuid = "GPU-1";
  source.interval = std::chrono::milliseconds(500);
  source.fields = {Field{.channel = {Quantity::power}}, Field{.channel = {Quantity::work}},
                   Field{.channel = {Quantity::method}}};
  return std::make_shared<const Source>(source);
}

inline SourcePtr window(const std::string& name) {
  Source source;
  source.kind = SourceKind::window;
  source.name = name;
  source.interval = std::chrono::minutes(1);
  source.fields = {Field{.channel = {Quantity::joules_per_flop}}};
  return std::make_shared<const Source>(source);
}

/// `values` one a second after `noon` by seq.
inline StoredSet stored(std::uint64_t seq, const SourcePtr& source, std::vector<double> values) {
  StoredSet set;
  set.seq = seq;
  set.set.source = source;
  set.set.time.wall_us = noon + static_cast<std::int64_t>(seq - 1) * 1'000'000;
  set.set.values = std::move(values);
  return set;
}

}  // namespace flopwatt::test
