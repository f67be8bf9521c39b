// The table `total`: accounting's figures that survive a restart.
#pragma once

#include "agent/store/database.h"
#include "agent/store/store.h"

namespace flopwatt::store {

class TotalTable {
 public:
  explicit TotalTable(Database& database);

  /// A wrong checksum is damage.
  [[nodiscard]] Totals load();
  /// Replaces; `absent` removes.
  void save(const Totals& totals);
  void clear();

 private:
  Database& database_;
  Statement save_, remove_;
};

}  // namespace flopwatt::store
