// Stored reading sets as messages, one at a time, so that a long backlog never stands in memory twice.
#pragma once

#include <cstddef>
#include <string>
#include <vector>

#include "exporters/mqtt/in_flight.h"
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

/// A message, and which sets are in it.
struct SetMessage {
  Message message;
  std::vector<std::size_t> sets;  ///< indexes
  MessageFacts facts;
};

class MessageSeries {
 public:
  /// The messages of those of `sets` that `which` names (ascending indexes; sets are ascending in seq and
  /// must outlive this). live: a message for each. replay: sets of one topic together, topics in the order of
  /// their first set. An array obeys the limits above, `max_packet` (bytes; the broker's) and `array_bytes`;
  /// a single object beyond them is an array of its own.
  MessageSeries(const std::vector<StoredSet>& sets, const std::vector<std::size_t>& which,
                PushExporter::Lane lane, Routes& routes, std::size_t max_packet,
                std::size_t array_bytes = most_bytes);

  /// The topic of the next message; null at the end.
  [[nodiscard]] Topic topic() const;
  /// The next message. There is one.
  [[nodiscard]] SetMessage take();
  /// Passes over the next message; on the replay lane, over all of its topic. Returns the sets.
  std::vector<std::size_t> skip();

  /// Sets without a topic, which no message holds.
  [[nodiscard]] const std::vector<std::size_t>& unrouted() const { return unrouted_; }

 private:
  struct Entry {
    const StoredSet* stored;
    const Route* route;
    std::size_t index;
  };

  [[nodiscard]] const Topic& topic_of(const Entry& entry) const;
  [[nodiscard]] SetMessage begin_message() const;
  void add_set(SetMessage& message, const Entry& entry) const;
  SetMessage array();

  PushExporter::Lane lane_;
  std::size_t max_packet_, array_bytes_;
  std::vector<Entry> entries_;  // in the order in which they go out
  std::vector<std::size_t> unrouted_;
  std::size_t position_ = 0;
};

}  // namespace flopwatt::mqtt
