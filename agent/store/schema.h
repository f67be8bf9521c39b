// The file format: tables, version, pragmas. schema.cpp describes the format.
#pragma once

#include <cstdint>

#include "agent/store/database.h"

namespace flopwatt::store {

inline constexpr std::int64_t application_id = 0x666c7077;  // "flpw"
inline constexpr std::int64_t schema_version = 2;
inline constexpr std::uint64_t page_size = 4096;

/// Kind of a database file. Damage and I/O errors are in database.ok().
enum class FileKind : std::uint8_t { empty, ours, newer, foreign };
[[nodiscard]] FileKind kind_of_file(Database& database);

/// Whether the tables of the log are in it, whatever the header says.
[[nodiscard]] bool has_store_tables(Database& database);

/// Sets durability and bounds of the connection. Call before anything else is read or written.
/// `wal_limit_bytes`: the WAL is cut back to this size after a large transaction.
void set_pragmas(Database& database, FileKind kind, std::uint64_t wal_limit_bytes);

/// Makes the tables of a log whose first row will be `first_seq`, in one transaction.
void create_tables(Database& database, std::uint64_t first_seq);

/// Makes a file of an older version one of this version, in one transaction. Files of a newer one are
/// refused.
void take_over_older_version(Database& database);

/// Checks the structure of the file: every page once, then rows, for at most `seconds`. database.ok() then
/// says whether there is damage.
void check_structure(Database& database, double seconds);

}  // namespace flopwatt::store
