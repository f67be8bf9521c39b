// Finds the message at which a broker closes the connection without saying why, as some do at a topic that is
// not allowed or a message that is too large. Where the same topic or reading set is in flight at two losses
// in a row, the next connection sends one message at a time, until the connection is closed at one or all
// suspects are taken. An outage that looks like it costs no more than this. Pure.
#pragma once

#include <chrono>
#include <optional>
#include <vector>

#include "exporters/mqtt/in_flight.h"

namespace flopwatt::mqtt {

class CloseSuspects {
 public:
  using SteadyTime = InFlight::SteadyTime;

  /// A connection that is lost so soon after its only message was sent is closed because of it.
  static constexpr std::chrono::seconds soon{5};
  /// A time of one message at a time ends when the connection holds for so long.
  static constexpr std::chrono::seconds trial{60};

  /// The peer closed the connection; `in_flight` was not answered. Returns the message that it was closed at,
  /// where that is known.
  std::optional<MessageFacts> connection_lost(std::vector<MessageFacts> in_flight, SteadyTime now);

  /// The broker said that a packet was too large, and not which: the largest.
  [[nodiscard]] static std::optional<MessageFacts> largest(const std::vector<MessageFacts>& in_flight);

  void answered(const MessageFacts& message, SteadyTime now);

  [[nodiscard]] bool one_at_a_time() const { return one_at_a_time_; }

 private:
  void end_trial();

  std::vector<MessageFacts> suspects_;  // in flight at the loss before; in a trial, at both losses
  bool one_at_a_time_ = false;
  SteadyTime trial_began_{};  // with the first answer of a trial
};

}  // namespace flopwatt::mqtt
