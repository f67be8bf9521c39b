// What a push exporter (MQTT, later remote write and Sparkplug) is to the agent. The agent hands in stored
// reading sets; the exporter returns when the receiver has acknowledged them. An exporter sees neither
// drivers nor the database. Metering loop only.
#pragma once

#include <boost/asio/awaitable.hpp>
#include <cstdint>
#include <string>
#include <vector>

#include "readings/certificate.h"
#include "readings/reading_set.h"
#include "readings/result.h"

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

class PushExporter {
 public:
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

  /// Publishes sets (ascending seq) and returns when all of them are acknowledged. A Fault: at least one is
  /// not (connection lost, refused); then all of them count as not delivered, and the agent hands them in
  /// again. The two lanes may publish at the same time; live goes first. `sets` must outlive the call.
  virtual boost::asio::awaitable<Result<Done>> publish(const std::vector<StoredSet>& sets, Lane lane) = 0;

  /// The present state of all sources. The exporter publishes what changed, and everything after a reconnect.
  virtual void set_status(const std::vector<SourceStatus>& sources) = 0;

  /// The certificates that it uses now.
  [[nodiscard]] virtual std::vector<CertificateExpiry> certificates() const { return {}; }
};

}  // namespace flopwatt
