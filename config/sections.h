// The sections of the configuration file. Each function is in the file of its name (read_energy and
// read_store in read_energy_store.cpp), fills in `reading.config` and reports all faults of its section.
#pragma once

#include <span>

#include "config/config.h"
#include "config/profiles/profile_library.h"
#include "config/unique_names.h"
#include "config/vendor_keys.h"
#include "config/yaml/finding.h"
#include "config/yaml/map_reader.h"

namespace flopwatt {

/// Shared by the sections while one file is read.
struct Reading {
  Config& config;
  std::filesystem::path& web_config;  ///< as Loaded has it
  Reporter& report;
  UniqueNames& names;                          ///< of sources and scopes
  std::span<const VendorKeys> vendors;         ///< those that are supported
  std::span<const std::string_view> reserved;  ///< vendor_names() of them
};

/// Bounds of intervals. The shortest leaves room for a poll of a meter over TCP.
inline constexpr microseconds shortest_interval = std::chrono::milliseconds(100);
inline constexpr microseconds longest_interval = std::chrono::hours(1);

void read_buses(const YamlNode& node, const Reading& reading);
void read_meters(const YamlNode& node, const Reading& reading, ProfileLibrary& profiles);
void read_accelerators(const YamlNode& node, const Reading& reading);
void read_work(const YamlNode& node, const Reading& reading);
/// After meters and accelerators, whose intervals bound the windows.
void read_energy(const YamlNode& node, const Reading& reading);
/// Without configured windows: sets the default windows that span two readings of every source, at least one.
void fit_default_windows(Config& config);
void read_store(const YamlNode& node, const Reading& reading);
void read_exporters(const YamlNode& node, const Reading& reading, std::span<const ExporterSection> kinds);
/// After meters and accelerators, which scopes refer to.
void read_scopes(const YamlNode& node, const Reading& reading);

}  // namespace flopwatt
