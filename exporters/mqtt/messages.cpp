#include "exporters/mqtt/messages.h"

#include <algorithm>
#include <unordered_map>
#include <utility>

namespace flopwatt::mqtt {
namespace {

constexpr std::size_t usual_object_bytes = 512;

}  // namespace

MessageSeries::MessageSeries(const std::vector<StoredSet>& sets, PushExporter::Lane lane, Routes& routes,
                             std::size_t max_packet)
    : lane_(lane), max_packet_(max_packet) {
  entries_.reserve(sets.size());
  for (const StoredSet& stored : sets)
    if (const Route* route = routes.find(stored.set.source)) entries_.push_back({&stored, route});
  if (lane_ == PushExporter::Lane::live) return;

  // By topic, not by source: a source that was described again while the backlog grew has two routes to one
  // topic, and its older sets come first.
  std::unordered_map<std::string_view, std::size_t> rank;
  for (const Entry& entry : entries_) rank.try_emplace(*entry.route->replay, rank.size());
  std::ranges::stable_sort(entries_, {}, [&](const Entry& entry) { return rank.at(*entry.route->replay); });
}

std::optional<Message> MessageSeries::next() {
  if (position_ == entries_.size()) return std::nullopt;
  if (lane_ == PushExporter::Lane::replay) return array();
  const auto& [stored, route] = entries_[position_++];
  Message message{.topic = route->live, .payload = {}};
  message.payload.reserve(usual_object_bytes);
  route->layout.append(message.payload, stored->set, stored->seq);
  return message;
}

Message MessageSeries::array() {
  Message message{.topic = entries_[position_].route->replay, .payload = {}};
  const std::size_t besides = message.topic->size() + packet_overhead;
  const std::size_t limit = std::min(most_bytes, max_packet_ > besides ? max_packet_ - besides : 0);
  std::string& text = message.payload;
  text.reserve(std::min(limit, (entries_.size() - position_) * usual_object_bytes) + usual_object_bytes);
  text += '[';
  for (std::size_t objects = 0; objects < most_objects && position_ < entries_.size(); ++objects) {
    const auto& [stored, route] = entries_[position_];
    if (*route->replay != *message.topic) break;
    const std::size_t before = text.size();
    if (objects > 0) text += ',';
    route->layout.append(text, stored->set, stored->seq);
    if (objects > 0 && text.size() + 1 > limit) {
      text.resize(before);
      break;
    }
    ++position_;
  }
  text += ']';
  return message;
}

}  // namespace flopwatt::mqtt
