#include "exporters/mqtt/reason_codes.h"

#include <doctest/doctest.h>

using namespace flopwatt::mqtt;

TEST_CASE("what follows from an answer of the broker") {
  const auto follows = [](int code) { return consequence_of(code); };
  CHECK_FALSE(follows(static_cast<int>(ReasonCode::success)).refused);
  CHECK_FALSE(follows(static_cast<int>(ReasonCode::no_matching_subscribers)).refused);
  CHECK_FALSE(follows(0x7F).refused);
  CHECK_FALSE(follows(-1).refused);  // Paho's own failure
  for (int code = 0x80; code <= 0xFF; ++code) {
    CAPTURE(code);
    const bool credentials = code == 0x86 || code == 0x87;
    CHECK(follows(code).refused);
    CHECK(follows(code).longest_pause == credentials);
    CHECK(follows(code).advice.empty() != credentials);
  }
  CHECK(text_of(0x87) == "Not authorized (reason code 135)");
}
