// Which topics the broker takes now. A topic that it refuses rests, so that it holds up no other; then one
// message is tried, and only when that is taken the others follow. Pure: time is handed in.
#pragma once

#include <chrono>
#include <cstddef>
#include <string>
#include <unordered_map>

#include "exporters/push_exporter.h"
#include "runtime/backoff.h"

namespace flopwatt::mqtt {

class TopicGates {
 public:
  /// How long a topic rests that is refused for good, unless a new connection comes before; also for how long
  /// at least a topic rests at which the broker closes the connection, which a new connection does not
  /// shorten.
  static constexpr std::chrono::minutes rest{10};
  static constexpr std::chrono::hours longest_rest{24};
  /// A topic that is taken for so long after a refusal has changed: the next refusal is logged again.
  static constexpr std::chrono::minutes settled{1};

  enum class Verdict : unsigned char {
    send,
    probe,      ///< send this one, and no other before its answer
    wait,       ///< a probe is under way
    later,      ///< Fate::later without sending
    set_aside,  ///< Fate::set_aside without sending
  };

  /// Whether a message may go out. After `probe` one of the calls below says what became of it.
  [[nodiscard]] Verdict ask(const std::string& topic, SteadyTime now);

  /// True where that is worth a line in the log: it was refused before, and that is over.
  bool accepted(const std::string& topic, SteadyTime now);
  /// True where that is worth a line in the log: the topic was not refused for this reason before.
  bool refused_for_good(const std::string& topic, int reason, SteadyTime now);
  bool refused_now(const std::string& topic, int reason, SteadyTime now);
  /// The broker closes the connection at messages to the topic.
  bool closed_connection(const std::string& topic, SteadyTime now);
  /// A message was refused, but the topic goes on.
  bool refused_alone(const std::string& topic, int reason, SteadyTime now);
  /// The answer to a probe did not come, or it was not sent.
  void unanswered(const std::string& topic);

  /// What was refused may be tried again.
  void connected(SteadyTime now);

  /// From when on ask() lets a message through; a time that has passed: now.
  [[nodiscard]] SteadyTime opens_at(const std::string& topic) const;

 private:
  static constexpr Backoff::Policy policy{std::chrono::seconds(1), std::chrono::seconds(30)};

  struct Gate {
    bool shut = false, probing = false;
    Fate while_shut = Fate::later;
    SteadyTime retry_at{}, last_refusal{};
    int logged_reason = 0;
    unsigned closings = 0;  // of the connection, in a row
    Backoff backoff{policy};
  };

  Gate& refuse(const std::string& topic, SteadyTime now);
  static bool is_news(Gate& gate, int reason);

  std::unordered_map<std::string, Gate> gates_;  // of topics that were refused
};

}  // namespace flopwatt::mqtt
