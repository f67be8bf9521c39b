#include "agent/daemon/contradiction_log.h"

#include "readings/contradictions.h"
#include "runtime/log.h"

namespace flopwatt::daemon {

void ContradictionLog::follow(const std::vector<ScopeFigures>& scopes) {
  for (auto& [key, topic] : topics_) topic.is_there = false;
  for (const ScopeFigures& scope : scopes) {
    for (const Contradiction& one : contradictions_of(scope)) {
      Topic& topic = topics_[{one.source, one.when_over}];
      topic.is_there = true;
      if (topic.what == one.what) continue;  // also of a source that counts in several scopes
      topic.what = one.what;
      log::warn(std::string(one.what), {{"source", one.source}, {"why", one.why}});
    }
  }
  for (auto topic = topics_.begin(); topic != topics_.end();) {
    if (topic->second.is_there) {
      ++topic;
      continue;
    }
    log::info(std::string(topic->first.second), {{"source", topic->first.first}});
    topic = topics_.erase(topic);
  }
}

}  // namespace flopwatt::daemon
