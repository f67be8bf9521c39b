// Which version of MQTT the next connection speaks. 5 is better: its limits, reasons and refusals keep
// readings from being lost. 3.1.1 is taken where the broker does not know 5, and stays while it works; once a
// day a new connection tries 5 again. Where 5 has worked, connections that are closed without an answer are
// no reason to leave it: a proxy whose broker is down does that. Pure: time is handed in.
#pragma once

#include <chrono>

#include "exporters/mqtt/settings.h"
#include "runtime/schedule.h"

namespace flopwatt::mqtt {

class ProtocolChoice {
 public:
  /// So many connections in a row that are closed without an answer count as a refusal of the version.
  static constexpr unsigned most_closings = 2;
  static constexpr std::chrono::hours new_try{24};

  enum class Failure : unsigned char { version_refused, closed_without_answer, other };

  explicit ProtocolChoice(Protocol configured) : configured_(configured) {}

  [[nodiscard]] bool mqtt_5(SteadyTime now) const;

  void connected(bool mqtt_5, SteadyTime now);
  void failed(bool mqtt_5, Failure failure, SteadyTime now);

 private:
  Protocol configured_;
  bool fall_back_ = false;  // the next connection speaks 3.1.1
  bool fall_back_works_ = false, mqtt_5_works_ = false;
  unsigned closings_ = 0;  // of connections that spoke 5, in a row
  SteadyTime tried_5_{};
};

}  // namespace flopwatt::mqtt
