// The file format: tables, version, pragmas. Described at the head of schema.cpp.
#pragma once

#include <cstdint>

#include "agent/store/database.h"

namespace flopwatt::store {

inline constexpr std::int64_t application_id = 0x666c7077;  // "flpw"
inline constexpr std::int64_t schema_version = 1;
inline constexpr std::uint64_t page_size = 4096;

/// What kind of file it is. `damaged` and I/O errors are in database.ok().
enum class FileKind : std::uint8_t { empty, ours, newer, foreign };
[[nodiscard]] FileKind kind_of_file(Database& database);

/// Durability and bounds of the connection; before anything else is read or written. `wal_limit_bytes`: what
/// the WAL is cut back to after a large transaction.
void set_pragmas(Database& database, FileKind kind, std::uint64_t wal_limit_bytes);

/// The tables of a log whose first row will be `first_seq`, in one transaction.
void create_tables(Database& database, std::uint64_t first_seq);

/// Looks through the file for structural damage: every page once, then rows for at most `seconds`. Damage is
/// in database.ok() afterwards.
void check_structure(Database& database, double seconds);

}  // namespace flopwatt::store
