// Which terms the next connection asks for: what the broker has refused or granted before decides. Pure: time
// is handed in.
#pragma once

#include <optional>
#include <string>
#include <vector>

#include "exporters/mqtt/connection.h"
#include "exporters/mqtt/protocol_choice.h"
#include "readings/fault.h"

namespace flopwatt::mqtt {

/// Code of a fault: a connection was made, and another one is to be made with the keep alive that was
/// granted.
inline constexpr int shorter_keep_alive = -2;

class Negotiation {
 public:
  explicit Negotiation(Protocol protocol) : protocol_(protocol) {}

  [[nodiscard]] Terms terms(SteadyTime now) const;

  /// A connection is up. A fault: it is to be left for another one, which asks for what was granted.
  [[nodiscard]] std::optional<Fault> connected(const Terms& asked, const Terms& granted, SteadyTime now);
  /// A connection did not come about. True: another one at once, with other terms, may do better.
  [[nodiscard]] bool refused(const Fault& fault, const Terms& asked, SteadyTime now);
  /// Nor did this one, and the broker gave no reason. `closed`: it took the connection and closed it.
  void no_answer(const Terms& asked, bool closed, SteadyTime now);

 private:
  ProtocolChoice protocol_;
  Terms known_;  // what the broker is known to grant
};

/// What a broker with these terms does not have, and what follows.
[[nodiscard]] std::vector<std::string> remarks_on(const Terms& terms);

}  // namespace flopwatt::mqtt
