// The table `total`: figures of accounting that survive a restart.
#pragma once

#include "agent/store/database.h"
#include "agent/store/store.h"

namespace flopwatt::store {

class TotalTable {
 public:
  explicit TotalTable(Database& database);

  /// Loads all totals. A wrong checksum is damage, or is counted in `*damaged` and its total left out.
  [[nodiscard]] Totals load(std::size_t* damaged = nullptr);
  /// Replaces the given totals; `absent` removes one.
  void save(const Totals& totals);
  void clear();

 private:
  Database& database_;
  Statement save_, remove_;
};

}  // namespace flopwatt::store
