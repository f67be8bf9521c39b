// The table `source`, with a cache of the used rows. The hot path finds a row by the address of its Source.
#pragma once

#include <cstdint>
#include <map>
#include <memory>
#include <optional>
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

  /// nullptr: its row is missing or damaged, which makes every set of it unreadable and nothing else; or the
  /// database failed.
  [[nodiscard]] const StoredSource* find(std::int64_t id);

  /// Why find() has not found a source: "the description of source 3 is missing". By its id.
  [[nodiscard]] const std::map<std::int64_t, std::string>& unreadable() const { return unreadable_; }

  /// Empties the cache, after a transaction was rolled back.
  void forget();
  /// Bounds the cache. Call between transactions.
  void forget_if_many();

 private:
  const StoredSource* remember(StoredSource stored);
  [[nodiscard]] std::optional<std::int64_t> id_of(const std::string& description);
  const StoredSource* add(const std::string& description, const ReadingSet& set);
  const StoredSource* leave_out(std::int64_t id, const std::string& why);

  Database& database_;
  Statement select_by_description_, select_by_id_, insert_;
  std::unordered_map<std::int64_t, std::unique_ptr<const StoredSource>> by_id_;  ///< null: unreadable
  std::map<std::int64_t, std::string> unreadable_;
  /// The value holds the owner of the key, so that no other source gets the same address.
  std::unordered_map<const Source*, std::pair<SourcePtr, const StoredSource*>> by_address_;
};

}  // namespace flopwatt::store
