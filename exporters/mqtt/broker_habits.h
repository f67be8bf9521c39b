// What an exporter has learnt of its broker, over all connections: which topics it refuses, how large its
// packets may be, at which messages it closes the connection.
#pragma once

#include <array>
#include <chrono>
#include <cstddef>
#include <cstdint>
#include <map>
#include <string>
#include <vector>

#include "exporters/mqtt/close_suspects.h"
#include "exporters/mqtt/messages.h"
#include "exporters/mqtt/reason_codes.h"
#include "exporters/mqtt/topic_gates.h"

namespace flopwatt::mqtt {

class BrokerHabits {
 public:
  /// `exporter`: its name, for the log.
  explicit BrokerHabits(std::string exporter) : exporter_(std::move(exporter)) {}

  TopicGates gates;
  CloseSuspects suspects;

  /// Most bytes of an array under replay/: halved where the broker finds one too large.
  [[nodiscard]] std::size_t array_bytes() const { return array_bytes_; }
  void halve_arrays(std::size_t refused_bytes);

  /// The broker has not closed the connection at this set, or so long ago that it may be tried again.
  [[nodiscard]] bool may_send(std::uint64_t seq, SteadyTime now) const;

  /// A message was taken.
  void took(const Topic& topic, SteadyTime now);
  /// A message was refused; its consequence is that of reason_codes.h. Counts, logs and shuts the topic.
  void refused(const Topic& topic, int reason, std::size_t objects, std::size_t bytes, SteadyTime now);
  /// The peer closed the connection with what was in flight; `reason` is that of its DISCONNECT, 0 without.
  /// True: the message at which it did is found, so that the next connection does better.
  bool connection_lost(const std::vector<MessageFacts>& in_flight, int reason, SteadyTime now);
  /// A connection that had held for so long is over: larger arrays are tried again some time.
  void connection_held(std::chrono::steady_clock::duration held);

  [[nodiscard]] std::vector<Refusals> refusals() const;

 private:
  void blame(const MessageFacts& message, int reason, SteadyTime now);
  void report(std::string_view consequence, const std::string& topic, int reason, std::size_t bytes) const;

  const std::string exporter_;
  std::size_t array_bytes_ = most_bytes;
  std::map<std::uint64_t, SteadyTime> banned_;  // sets at which the connection was closed, and until when
  std::array<std::uint64_t, refusal_labels.size()> refusals_{};
};

}  // namespace flopwatt::mqtt
