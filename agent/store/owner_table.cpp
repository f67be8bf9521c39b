#include "agent/store/owner_table.h"

#include "agent/store/checksum.h"

namespace flopwatt::store {
namespace {

std::int64_t owner_checksum(const std::string& node) { return Checksum().add(node).value(); }

}  // namespace

bool has_owner_table(Database& database) {
  return database.integer("SELECT count(*) FROM sqlite_schema WHERE type = 'table' AND name = 'owner'") > 0;
}

std::string load_owner(Database& database) {
  Statement select(database, "SELECT node, crc FROM owner");
  if (!select.step()) return "";
  std::string node = select.text(0);
  return select.integer(1) == owner_checksum(node) ? node : "";
}

void save_owner(Database& database, const std::string& node) {
  database.run("CREATE TABLE IF NOT EXISTS owner(node TEXT NOT NULL, crc INTEGER NOT NULL) STRICT");
  if (node.empty() || !database.ok() || load_owner(database) == node) return;
  database.run("BEGIN IMMEDIATE; DELETE FROM owner");
  {
    Statement insert(database, "INSERT INTO owner(node, crc) VALUES (?1, ?2)");
    insert.bind(1, std::string_view(node));
    insert.bind(2, owner_checksum(node));
    insert.run();
  }
  database.run("COMMIT");
  if (!database.ok()) database.rollback();
}

}  // namespace flopwatt::store
