// The table `exporter`: delivery marks and counts, saved with each commit.
#pragma once

#include <cstdint>
#include <map>
#include <string>

#include "agent/store/database.h"
#include "agent/store/store.h"

namespace flopwatt::store {

struct Exporter {
  ExporterRecord record;
  std::uint64_t registered = 0;  ///< readings stored before the exporter was first configured

  bool operator==(const Exporter&) const = default;
};

using Exporters = std::map<std::string, Exporter>;

/// A wrong checksum is damage, or is counted in `*damaged` and its exporter left out.
[[nodiscard]] Exporters load_exporters(Database& database, std::size_t* damaged = nullptr);
void save_exporter(Database& database, const std::string& name, const Exporter& exporter);
/// Adds what version 2 of the file has more. Within a transaction.
void take_over_exporters_of_version_1(Database& database);
void forget_exporter(Database& database, const std::string& name);

}  // namespace flopwatt::store
