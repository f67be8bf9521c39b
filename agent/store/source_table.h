// The table `source`, with a cache of the used rows. The hot path finds a row by the address of its Source.
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

/// Returned pointers are valid until forget().
class SourceTable {
 public:
  explicit SourceTable(Database& database);

  /// The row of the set's source; a new row takes the set as its baseline. Call within a transaction.
  /// nullptr: the database failed.
  [[nodiscard]] const StoredSource* find_or_add(const ReadingSet& set);

  /// nullptr: the database failed. A missing or unreadable row is damage.
  [[nodiscard]] const StoredSource* find(std::int64_t id);

  /// Empties the cache, after a transaction was rolled back.
  void forget();
  /// Bounds the cache. Call between transactions.
  void forget_if_many();

 private:
  const StoredSource* remember(StoredSource stored);
  const StoredSource* look_up(const std::string& description, const SourcePtr& source);
  const StoredSource* add(const std::string& description, const ReadingSet& set);

  Database& database_;
  Statement select_by_description_, select_by_id_, insert_;
  std::unordered_map<std::int64_t, std::unique_ptr<const StoredSource>> by_id_;
  /// The value holds the owner of the key, so that no other source gets the same address.
  std::unordered_map<const Source*, std::pair<SourcePtr, const StoredSource*>> by_address_;
};

}  // namespace flopwatt::store
