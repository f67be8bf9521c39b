#include "exporters/mqtt/negotiation.h"

#include <doctest/doctest.h>

#include "exporters/mqtt/reason_codes.h"

using namespace flopwatt;
using namespace flopwatt::mqtt;
using namespace std::chrono_literals;

namespace {

Fault refused_with(ReasonCode code) { return {FaultClass::exception, "refused", static_cast<int>(code)}; }

}  // namespace

TEST_CASE("what a broker refuses in a CONNECT is left out of the next, until it grants it again") {
  Negotiation negotiation(Protocol::automatic);
  const SteadyTime now{100h};
  CHECK(negotiation.terms(now) == Terms{});
  CHECK(remarks_on(negotiation.terms(now)).empty());
  CHECK(negotiation.refused(refused_with(ReasonCode::retain_not_supported), negotiation.terms(now), now));
  CHECK_FALSE(negotiation.terms(now).retain);
  CHECK(negotiation.refused(refused_with(ReasonCode::qos_not_supported), negotiation.terms(now), now));
  const Terms least = negotiation.terms(now);
  CHECK_FALSE(least.qos_1);
  CHECK_FALSE(least.retain);
  CHECK(remarks_on(least).size() == 2);
  // The same refusal once more is no reason to try at once.
  CHECK_FALSE(negotiation.refused(refused_with(ReasonCode::qos_not_supported), least, now));
  CHECK_FALSE(negotiation.connected(least, Terms{}, now));
  CHECK(negotiation.terms(now) == Terms{});
}

TEST_CASE("a shorter keep alive is asked for by another connection") {
  Negotiation negotiation(Protocol::automatic);
  const SteadyTime now{100h};
  Terms granted = negotiation.terms(now);
  granted.keep_alive = 10s;
  const auto left = negotiation.connected(negotiation.terms(now), granted, now);
  REQUIRE(left);
  CHECK(negotiation.refused(*left, Terms{}, now));
  CHECK(negotiation.terms(now).keep_alive == 10s);
  CHECK_FALSE(negotiation.connected(granted, granted, now));
}

TEST_CASE(
    "a version that is refused is left at once where that is allowed, and what was learnt of it with it") {
  const SteadyTime now{100h};
  Negotiation negotiation(Protocol::automatic);
  CHECK(negotiation.refused(refused_with(ReasonCode::unsupported_protocol_version), {}, now));
  CHECK_FALSE(negotiation.terms(now).mqtt_5);
  CHECK(negotiation.terms(now).qos_1);
  CHECK(remarks_on(negotiation.terms(now)).size() == 1);
  Negotiation only_5(Protocol::mqtt_5);
  CHECK_FALSE(only_5.refused(refused_with(ReasonCode::unsupported_protocol_version), {}, now));
}

TEST_CASE("credentials, and a port where nobody listens, are no reason for other terms") {
  const SteadyTime now{100h};
  Negotiation negotiation(Protocol::automatic);
  CHECK_FALSE(negotiation.refused(refused_with(ReasonCode::not_authorized), {}, now));
  for (int i = 0; i < 5; ++i) negotiation.no_answer({}, false, now);
  CHECK(negotiation.terms(now) == Terms{});
  for (int i = 0; i < 2; ++i) negotiation.no_answer({}, true, now);
  CHECK_FALSE(negotiation.terms(now).mqtt_5);
}
