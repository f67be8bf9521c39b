#include "agent/store/total_table.h"

#include <bit>

#include "agent/store/checksum.h"

namespace flopwatt::store {
namespace {

std::int64_t checksum(std::string_view name, double value) {
  return Checksum().add(name).add(std::bit_cast<std::uint64_t>(value)).value();
}

}  // namespace

TotalTable::TotalTable(Database& database)
    : database_(database),
      save_(database, "INSERT OR REPLACE INTO total(name, value, crc) VALUES (?1, ?2, ?3)"),
      remove_(database, "DELETE FROM total WHERE name = ?1") {}

Totals TotalTable::load(std::size_t* damaged) {
  Totals totals;
  Statement select(database_, "SELECT name, value, crc FROM total");
  while (select.step()) {
    std::string name = select.text(0);
    const double value = select.number(1);
    if (select.integer(2) == checksum(name, value))
      totals.emplace(std::move(name), value);
    else if (damaged != nullptr)
      ++*damaged;
    else
      database_.fail_as_damaged("the checksum of total " + name + " is wrong");
  }
  return totals;
}

void TotalTable::save(const Totals& totals) {
  for (const auto& [name, value] : totals) {
    Statement& statement = is_known(value) ? save_ : remove_;
    statement.bind(1, std::string_view(name));
    if (is_known(value)) {
      statement.bind(2, value);
      statement.bind(3, checksum(name, value));
    }
    statement.run();
  }
}

void TotalTable::clear() { database_.run("DELETE FROM total"); }

}  // namespace flopwatt::store
