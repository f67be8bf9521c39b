#include "agent/daemon/store_log.h"

#include <string>

#include "runtime/log.h"

namespace flopwatt::daemon {

void log_unreadable(const std::vector<store::UnreadableSets>& unreadable) {
  for (const store::UnreadableSets& found : unreadable)
    log::error(
        "reading sets are unreadable in the store and left out; an exporter that had not delivered them "
        "counts "
        "them as dropped. See whether the disk is healthy",
        {{"sets", std::to_string(found.sets)},
         {"first_seq", std::to_string(found.seqs.first)},
         {"last_seq", std::to_string(found.seqs.last)},
         {"reason", found.reason}});
}

}  // namespace flopwatt::daemon
