// Reads a store beside the agent that writes it, or after that has ended: for export and history. It takes no
// lock that the agent needs and leaves no file behind. Blocking; used from one thread.
//
// While an agent runs, each chunk is one short read transaction of the write-ahead log; between two nothing
// is held, so that the agent's checkpoints go on. Without a write-ahead log nobody has the store open: it is
// read as a file that does not change, which also works in a directory that cannot be written.
#pragma once

#include <cstdint>
#include <filesystem>
#include <functional>
#include <memory>
#include <vector>

#include "agent/store/record.h"
#include "agent/store/span.h"
#include "readings/reading_set.h"
#include "readings/result.h"

namespace flopwatt::store {

class Reader {
 public:
  /// Fails where there is no file, it cannot be read, it is no store, or a newer flopwatt has written it.
  [[nodiscard]] static Result<std::unique_ptr<Reader>> open(const std::filesystem::path& path);

  Reader(const Reader&) = delete;
  Reader& operator=(const Reader&) = delete;
  ~Reader();

  /// The seqs that the store holds now; empty: none.
  [[nodiscard]] Result<Span> span();

  /// A set and its row.
  struct Item {
    Row row;
    ReadingSet set;
  };
  struct Chunk {
    std::vector<Item> items;    ///< ascending seq
    std::uint64_t damaged = 0;  ///< rows whose checksum is wrong: they are left out
  };

  /// Rows looked at in one chunk.
  static constexpr std::uint64_t chunk_rows = 2000;

  /// Looks at the next rows of `rest` and takes them off its front; decodes those that are `wanted`. What the
  /// limits have removed meanwhile is not there.
  [[nodiscard]] Result<Chunk> next(Span& rest, const std::function<bool(const Row&)>& wanted);

  /// The source of rows with that number (Row::source), shared by all sets of it.
  [[nodiscard]] Result<SourcePtr> source(std::int64_t id);

 private:
  class Impl;
  explicit Reader(std::unique_ptr<Impl> impl);
  std::unique_ptr<Impl> impl_;
};

}  // namespace flopwatt::store
