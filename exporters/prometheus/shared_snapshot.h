// Where the serving loop asks the metering loop for a snapshot.
#pragma once

#include <boost/asio/awaitable.hpp>
#include <chrono>
#include <functional>
#include <memory>

#include "exporters/snapshot.h"

namespace flopwatt::prometheus {

/// Asks the metering loop, always for the same detail; awaited on the serving loop. It is never cancelled and
/// may be answered late, or never.
using AskForSnapshot = std::function<boost::asio::awaitable<SnapshotPtr>()>;

/// One question at a time: requests that come while it is open share its answer, and so do those within `fresh` after
/// it, so that any number of requests costs the metering loop no more than one snapshot each `fresh`. Serving loop.
class SharedSnapshot {
 public:
  explicit SharedSnapshot(AskForSnapshot ask, std::chrono::milliseconds limit = std::chrono::seconds(2),
                          std::chrono::milliseconds fresh = std::chrono::milliseconds(100))
      : ask_(std::make_shared<const AskForSnapshot>(std::move(ask))), limit_(limit), fresh_(fresh) {}

  /// The snapshot, or null where it did not come within the limit (counted from the first who asked). While a
  /// question is overdue, null comes at once.
  boost::asio::awaitable<SnapshotPtr> newest();

 private:
  struct Question;

  std::shared_ptr<const AskForSnapshot> ask_;  // shared with questions that outlive this
  std::chrono::milliseconds limit_, fresh_;
  std::shared_ptr<Question> open_;
};

}  // namespace flopwatt::prometheus
