// Stored reading sets as messages, one at a time, so that a long backlog never stands in memory twice.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "exporters/mqtt/routes.h"
#include "exporters/push_exporter.h"
#include "readings/reading_set.h"

namespace flopwatt::mqtt {

struct Message {
  Topic topic;
  std::string payload;
  bool retained = false;
};

/// Limits of one array under `replay/` (CONTRACT section 4).
inline constexpr std::size_t most_objects = 500;
inline constexpr std::size_t most_bytes = std::size_t{64} * 1024;

/// Bytes that a packet needs at most besides topic and payload: for the fixed header, the lengths, the
/// packet identifier and the content type.
inline constexpr std::size_t packet_overhead = 48;

class MessageSeries {
 public:
  /// `sets` are ascending in seq and must outlive this. live: a message for each. replay: sets of one topic
  /// together, topics in the order of their first set. An array obeys the limits above and `max_packet`
  /// (bytes; the broker's); a single object beyond them is an array of its own.
  MessageSeries(const std::vector<StoredSet>& sets, PushExporter::Lane lane, Routes& routes,
                std::size_t max_packet);

  [[nodiscard]] std::optional<Message> next();

 private:
  struct Entry {
    const StoredSet* stored;
    const Route* route;
  };

  Message array();

  PushExporter::Lane lane_;
  std::size_t max_packet_;
  std::vector<Entry> entries_;  // in the order in which they go out
  std::size_t position_ = 0;
};

}  // namespace flopwatt::mqtt
