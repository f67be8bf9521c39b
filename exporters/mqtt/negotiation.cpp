#include "exporters/mqtt/negotiation.h"

#include <utility>

#include "exporters/mqtt/reason_codes.h"

namespace flopwatt::mqtt {

using Failure = ProtocolChoice::Failure;

Terms Negotiation::terms(SteadyTime now) const {
  const bool mqtt_5 = protocol_.mqtt_5(now);
  // 3.1.1 does not tell what it lacks.
  return mqtt_5 == known_.mqtt_5 ? known_ : Terms{.mqtt_5 = mqtt_5};
}

std::optional<Fault> Negotiation::connected(const Terms& asked, const Terms& granted, SteadyTime now) {
  protocol_.connected(asked.mqtt_5, now);
  known_ = granted;
  if (granted.keep_alive == asked.keep_alive) return std::nullopt;
  return Fault{FaultClass::protocol, "the broker wants a shorter keep alive", shorter_keep_alive};
}

bool Negotiation::refused(const Fault& fault, const Terms& asked, SteadyTime now) {
  if (fault.code == shorter_keep_alive) return true;
  switch (static_cast<ReasonCode>(fault.code)) {
    case ReasonCode::retain_not_supported:
      known_ = asked;
      return std::exchange(known_.retain, false);
    case ReasonCode::qos_not_supported:
      known_ = asked;
      return std::exchange(known_.qos_1, false);
    case ReasonCode::unsupported_protocol_version:
      protocol_.failed(asked.mqtt_5, Failure::version_refused, now);
      return protocol_.mqtt_5(now) != asked.mqtt_5;
    default:
      if (fault.code != no_connection) protocol_.failed(asked.mqtt_5, Failure::other, now);
      return false;
  }
}

void Negotiation::no_answer(const Terms& asked, bool closed, SteadyTime now) {
  protocol_.failed(asked.mqtt_5, closed ? Failure::closed_without_answer : Failure::other, now);
}

std::vector<std::string> remarks_on(const Terms& terms) {
  std::vector<std::string> remarks;
  if (!terms.mqtt_5)
    remarks.emplace_back(
        "MQTT 3.1.1: the broker acknowledges also what it throws away, so that delivery is best effort; it "
        "tells no limits and no reasons");
  if (!terms.qos_1)
    remarks.emplace_back(
        "the broker takes QoS 0 only: readings count as delivered when they are written to the connection, "
        "so that delivery is best effort");
  if (!terms.retain)
    remarks.emplace_back("the broker retains nothing: state, info and status are told only when they change");
  return remarks;
}

}  // namespace flopwatt::mqtt
