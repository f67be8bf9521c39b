#include "exporters/mqtt/messages.h"

#include <algorithm>
#include <unordered_map>
#include <utility>

namespace flopwatt::mqtt {
namespace {

constexpr std::size_t usual_object_bytes = 512;

}  // namespace

MessageSeries::MessageSeries(const std::vector<StoredSet>& sets, const std::vector<std::size_t>& which,
                             PushExporter::Lane lane, Routes& routes, std::size_t max_packet,
                             std::size_t array_bytes)
    : lane_(lane), max_packet_(max_packet), array_bytes_(array_bytes) {
  entries_.reserve(which.size());
  for (const std::size_t index : which) {
    if (const Route* route = routes.find(sets[index].set.source))
      entries_.push_back({&sets[index], route, index});
    else
      unrouted_.push_back(index);
  }
  if (lane_ == PushExporter::Lane::live) return;

  // By topic, not by source: a source that was described again while the backlog grew has two routes to one
  // topic, and its older sets come first.
  std::unordered_map<std::string_view, std::size_t> rank;
  for (const Entry& entry : entries_) rank.try_emplace(*entry.route->replay, rank.size());
  std::ranges::stable_sort(entries_, {}, [&](const Entry& entry) { return rank.at(*entry.route->replay); });
}

const Topic& MessageSeries::topic_of(const Entry& entry) const {
  return lane_ == PushExporter::Lane::replay ? entry.route->replay : entry.route->live;
}

Topic MessageSeries::topic() const {
  return position_ == entries_.size() ? nullptr : topic_of(entries_[position_]);
}

std::vector<std::size_t> MessageSeries::skip() {
  const Topic skipped = topic();
  std::vector<std::size_t> sets;
  do {
    sets.push_back(entries_[position_++].index);
  } while (lane_ == PushExporter::Lane::replay && position_ < entries_.size() &&
           *topic_of(entries_[position_]) == *skipped);
  return sets;
}

SetMessage MessageSeries::begin_message() const {
  const Entry& first = entries_[position_];
  SetMessage message{.message = {.topic = topic_of(first), .payload = {}}, .sets = {}, .facts = {}};
  message.facts.topic = message.message.topic;
  message.facts.subject = first.route->live;
  message.facts.first_seq = first.stored->seq;
  return message;
}

void MessageSeries::add_set(SetMessage& message, const Entry& entry) const {
  message.sets.push_back(entry.index);
  message.facts.last_seq = entry.stored->seq;
  ++message.facts.objects;
}

SetMessage MessageSeries::take() {
  if (lane_ == PushExporter::Lane::replay) return array();
  SetMessage message = begin_message();
  const Entry& entry = entries_[position_++];
  message.message.payload.reserve(usual_object_bytes);
  entry.route->layout.append(message.message.payload, entry.stored->set, entry.stored->seq);
  add_set(message, entry);
  return message;
}

SetMessage MessageSeries::array() {
  SetMessage message = begin_message();
  const std::size_t besides = message.message.topic->size() + packet_overhead;
  const std::size_t limit =
      std::min({most_bytes, array_bytes_, max_packet_ > besides ? max_packet_ - besides : 0});
  std::string& text = message.message.payload;
  text.reserve(std::min(limit, (entries_.size() - position_) * usual_object_bytes) + usual_object_bytes);
  text += '[';
  while (message.sets.size() < most_objects && position_ < entries_.size()) {
    const Entry& entry = entries_[position_];
    if (*topic_of(entry) != *message.message.topic) break;
    const std::size_t before = text.size();
    if (!message.sets.empty()) text += ',';
    entry.route->layout.append(text, entry.stored->set, entry.stored->seq);
    if (!message.sets.empty() && text.size() + 1 > limit) {
      text.resize(before);
      break;
    }
    add_set(message, entry);
    ++position_;
  }
  text += ']';
  return message;
}

}  // namespace flopwatt::mqtt
