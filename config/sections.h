// The sections of the configuration file, each read by its own file of the same name. All of them fill in
// `reading.config` and report what is wrong; none stops at the first fault.
#pragma once

#include "config/config.h"
#include "config/profiles/profile_library.h"
#include "config/unique_names.h"
#include "config/vendor_keys.h"
#include "config/yaml/finding.h"
#include "config/yaml/map_reader.h"

namespace flopwatt {

/// What the sections share while one file is read.
struct Reading {
  Config& config;
  Reporter& report;
  UniqueNames& names;                          ///< of sources and scopes
  std::span<const VendorKeys> vendors;         ///< those that are supported
  std::span<const std::string_view> reserved;  ///< vendor_names() of them
};

/// Bounds of intervals: the shortest leaves room for a poll of a meter over TCP.
inline constexpr microseconds shortest_interval = std::chrono::milliseconds(100);
inline constexpr microseconds longest_interval = std::chrono::hours(1);

void read_buses(const YamlNode& node, const Reading& reading);
void read_meters(const YamlNode& node, const Reading& reading, ProfileLibrary& profiles);
void read_accelerators(const YamlNode& node, const Reading& reading);
void read_work(const YamlNode& node, const Reading& reading);
/// After meters and accelerators, whose intervals bound the windows.
void read_energy(const YamlNode& node, const Reading& reading);
/// Where none are written: the default ones that span two readings of every source, at least one.
void fit_default_windows(Config& config);
void read_store(const YamlNode& node, const Reading& reading);
void read_exporters(const YamlNode& node, const Reading& reading);
/// After meters and accelerators, which scopes refer to.
void read_scopes(const YamlNode& node, const Reading& reading);

}  // namespace flopwatt
