// What the log says of the store.
#pragma once

#include <vector>

#include "agent/store/store.h"

namespace flopwatt::daemon {

/// What was found when the store was opened.
void log_opened(const store::Opened& opened);

/// An exporter that goes with readings that it has not delivered.
void log_forgotten(const store::ForgottenExporter& exporter);

/// A file that was set aside while the agent runs, and one of which nothing is left to deliver.
void log_aside(const store::Committed& committed);

/// Files of the store that somebody took away while the agent runs, and what became of what was in them.
void log_put_back(const store::Committed& committed);

/// One line for each: how many reading sets cannot be read any more, which, and why.
void log_unreadable(const std::vector<store::UnreadableSets>& unreadable);

/// Says once when another program holds a snapshot of the store, so that its write-ahead log grows, and once when
/// that has ended.
class SnapshotWatch {
 public:
  void follow(const store::Committed& committed);

 private:
  bool is_held_ = false;
};

}  // namespace flopwatt::daemon
