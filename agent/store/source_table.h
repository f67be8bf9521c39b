// The table `source`, with what has been used of them in memory: the hot path finds it by its address.
#pragma once

#include <cstdint>
#include <memory>
#include <string>
#include <unordered_map>

#include "agent/store/database.h"
#include "agent/store/record.h"

namespace flopwatt::store {

struct StoredSource {
  std::int64_t id = 0;
  Layout layout;
};

/// Pointers that it hands out are good until forget().
class SourceTable {
 public:
  explicit SourceTable(Database& database);

  /// The row of the set's source; made, with the set as its baseline, where there is none. Within a
  /// transaction. nullptr: the database failed.
  [[nodiscard]] const StoredSource* find_or_add(const ReadingSet& set);

  /// nullptr: the database failed; a row that is missing or unreadable is damage.
  [[nodiscard]] const StoredSource* find(std::int64_t id);

  /// The transaction was rolled back: what is in memory may not be in the file.
  void forget();
  /// Keeps memory bounded; between transactions.
  void forget_if_many();

 private:
  const StoredSource* remember(StoredSource stored);
  const StoredSource* look_up(const std::string& description, const SourcePtr& source);
  const StoredSource* add(const std::string& description, const ReadingSet& set);

  Database& database_;
  Statement select_by_description_, select_by_id_, insert_;
  std::unordered_map<std::int64_t, std::unique_ptr<const StoredSource>> by_id_;
  /// The key's owner is held beside it, so that no other source gets its address.
  std::unordered_map<const Source*, std::pair<SourcePtr, const StoredSource*>> by_address_;
};

}  // namespace flopwatt::store
