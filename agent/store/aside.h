// A file of the store that was set aside because it is damaged, as a second log that is only read: what was not
// yet delivered of it is delivered from there under its own seqs, until all of that has been acknowledged. At
// most one. Unreadable rows and broken pages are passed. Blocking; the store's thread.
#pragma once

#include <cstdint>
#include <filesystem>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "agent/store/exporter_table.h"
#include "agent/store/span.h"
#include "agent/store/store.h"

namespace flopwatt::store {

inline constexpr const char* wrong_checksum = "the checksum is wrong";  ///< a reason of UnreadableSets

/// The table `aside`: which file is still read, and the state of its log.
struct Aside {
  std::string path;
  Span seqs;                  ///< of its rows, from the oldest to the newest
  std::uint64_t removed = 0;  ///< readings stored before seqs.first
  std::uint64_t total = 0;    ///< readings stored up to seqs.last

  bool operator==(const Aside&) const = default;
};

void make_aside_table(Database& database);
/// nullopt: no file is read any more, or it is not known which (`damaged`).
[[nodiscard]] std::optional<Aside> load_aside(Database& database, bool& damaged);
void save_aside(Database& database, const Aside& aside);
void forget_aside(Database& database);

/// What could be read of a damaged file beside its log.
struct Salvaged {
  Aside log;
  Totals totals;
  Exporters exporters;
  bool lacks_totals = false;     ///< a total or more is unreadable
  bool lacks_exporters = false;  ///< an exporter or more is unreadable
  std::string given_up;          ///< the file that this one read from in its turn; "": none
};

class AsideLog {
 public:
  /// nullptr: the file cannot be read as a database.
  [[nodiscard]] static std::unique_ptr<AsideLog> open(const std::filesystem::path& path);

  AsideLog(const AsideLog&) = delete;
  AsideLog& operator=(const AsideLog&) = delete;
  ~AsideLog();

  /// nullopt: no row is readable.
  [[nodiscard]] std::optional<Salvaged> salvage();

  using NoteUnreadable = std::function<void(const UnreadableSets& sets)>;
  /// Appends readable sets of the span to `sets` until there are `most`. A fault, where the disk is not
  /// readable now.
  [[nodiscard]] Result<Done> read(Span span, std::size_t most, std::vector<StoredSet>& sets,
                                  const NoteUnreadable& note);

  /// Readings up to and with the newest whole row at or below `seq`; nullopt: there is none.
  [[nodiscard]] std::optional<std::uint64_t> total_through(std::uint64_t seq);

 private:
  class Impl;
  explicit AsideLog(std::unique_ptr<Impl> impl);
  std::unique_ptr<Impl> impl_;
};

/// The file beside `store` that was set aside and has this inode number; "": none.
[[nodiscard]] std::string find_set_aside(const std::filesystem::path& store, std::uint64_t inode);

}  // namespace flopwatt::store
