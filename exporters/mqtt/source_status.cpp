#include "exporters/mqtt/source_status.h"

#include <algorithm>
#include <set>
#include <string_view>
#include <utility>

#include "exporters/mqtt/documents.h"

namespace flopwatt::mqtt {

SourceStatusMessages::SourceStatusMessages(const std::string& base)
    : base_(base), info_topic_(std::make_shared<const std::string>(base + "info")) {}

bool SourceStatusMessages::update(const std::vector<SourceStatus>& sources) {
  // Descriptions are immutable: the same pointers say the same, and `info` need not be written to compare it.
  const bool description_changed =
      !std::ranges::equal(sources_, sources, {}, &SourceStatus::source, &SourceStatus::source);
  if (description_changed || info_.empty()) {
    std::string info = info_document(sources);
    info_pending_ = info_pending_ || info != info_;
    info_ = std::move(info);
  }
  sources_ = sources;
  remove_all_but(sources);
  for (const SourceStatus& status : sources) {
    if (!status.known) continue;
    Entry& entry = entries_[status.source->name];
    if (!entry.topic)
      entry.topic = std::make_shared<const std::string>(base_ + "status/" + status.source->name);
    const SourceStatus& before = entry.status;
    const bool same = !std::exchange(entry.removed, false) && before.known && before.up == status.up &&
                      before.since_wall_us == status.since_wall_us &&
                      (status.up || before.fault == status.fault);
    entry.pending = entry.pending || !same;
    entry.status = status;
  }
  return pending();
}

bool SourceStatusMessages::pending() const {
  return info_pending_ || std::ranges::any_of(entries_, [](const auto& each) { return each.second.pending; });
}

void SourceStatusMessages::remove_all_but(const std::vector<SourceStatus>& sources) {
  std::set<std::string_view> present;
  for (const SourceStatus& status : sources) present.insert(status.source->name);
  for (auto& [name, entry] : entries_)
    if (!present.contains(name) && !std::exchange(entry.removed, true)) entry.pending = true;
}

void SourceStatusMessages::forget_published() {
  info_pending_ = !info_.empty();
  for (auto& [name, entry] : entries_) entry.pending = true;
}

std::optional<Message> SourceStatusMessages::take() {
  if (info_pending_) {
    info_pending_ = false;
    return Message{.topic = info_topic_, .payload = info_, .retained = true};
  }
  const auto entry = std::ranges::find_if(entries_, [](const auto& each) { return each.second.pending; });
  if (entry == entries_.end()) return std::nullopt;
  entry->second.pending = false;
  const Entry& taken = entry->second;
  return Message{.topic = taken.topic,
                 .payload = taken.removed ? std::string() : status_document(taken.status),
                 .retained = true};
}

}  // namespace flopwatt::mqtt
