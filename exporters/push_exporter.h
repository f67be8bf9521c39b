// What a push exporter (MQTT, later remote write and Sparkplug) is to the agent. The agent hands in stored
// reading sets; the exporter says of each set what became of it. An exporter sees neither drivers nor the
// database. Metering loop only.
#pragma once

#include <boost/asio/awaitable.hpp>
#include <chrono>
#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "readings/certificate.h"
#include "readings/fault.h"
#include "readings/reading_set.h"

namespace flopwatt {

/// Whether a source answers, for `status/<source>` and `info`.
struct SourceStatus {
  SourcePtr source;
  bool up = false;
  bool known = false;  ///< the first poll has answered or failed; before, nothing is published
  FaultClass fault = FaultClass::timeout;  ///< has a meaning where `up` is false
  std::int64_t since_wall_us = 0;

  bool operator==(const SourceStatus&) const = default;
};

/// What became of one set of a publish() call.
enum class Fate : std::uint8_t {
  unanswered,  ///< not sent, or the connection was lost before the answer: handed in again at once
  delivered,   ///< the receiver has acknowledged it
  later,       ///< the receiver does not take its topic now: handed in again when replay_from() has passed
  set_aside,   ///< refused for good: handed in again with each new connection, and each 10 minutes
  left_out,    ///< the configuration does not ask for it
};

/// A number of refusals for one reason, since the exporter was made.
struct Refusals {
  std::string_view reason;  ///< "not_authorized"; of a fixed list
  std::uint64_t count = 0;
};

class PushExporter {
 public:
  using Time = std::chrono::steady_clock::time_point;

  virtual ~PushExporter() = default;

  [[nodiscard]] virtual const std::string& name() const = 0;

  /// Connects and reconnects with back-off until cancelled; then says goodbye to the receiver (MQTT: state
  /// "offline") and returns within 1 s.
  virtual boost::asio::awaitable<void> run() = 0;

  /// Connected and ready for publish().
  [[nodiscard]] virtual bool up() const = 0;

  /// Number of the present or the last connection, counted from 1; 0 before the first.
  [[nodiscard]] virtual std::uint64_t connection() const = 0;

  /// Returns when up() (at once if it is); throws when cancelled.
  virtual boost::asio::awaitable<void> wait_until_up() = 0;

  enum class Lane : std::uint8_t {
    live,    ///< each set as one message on its own topic
    replay,  ///< sets of one topic together, as arrays under replay/
  };

  /// Publishes sets (ascending seq) and returns when each has its fate. `fates`: as many as sets, all
  /// `unanswered`; also of a call that is cancelled it holds what is known by then. The two lanes may publish
  /// at the same time, one call each; live goes first. Both arguments must outlive the call.
  virtual boost::asio::awaitable<void> publish(const std::vector<StoredSet>& sets, Lane lane,
                                               std::vector<Fate>& fates) = 0;

  /// From when on the replay lane takes sets of this source again; a time that has passed: now. Before that
  /// publish() would only say `later` or `set_aside` once more.
  [[nodiscard]] virtual Time replay_from(SourceKind kind, const std::string& source) const = 0;

  /// Each reason that can occur, in the same order each time.
  [[nodiscard]] virtual std::vector<Refusals> refusals() const = 0;

  /// What the operator should know of the present connection: "the broker takes QoS 0 only: …".
  [[nodiscard]] virtual std::vector<std::string> remarks() const = 0;

  /// The present state of all sources. The exporter publishes what changed, and everything after a reconnect.
  virtual void set_status(const std::vector<SourceStatus>& sources) = 0;

  /// The certificates that it uses now.
  [[nodiscard]] virtual std::vector<CertificateExpiry> certificates() const { return {}; }
};

}  // namespace flopwatt
