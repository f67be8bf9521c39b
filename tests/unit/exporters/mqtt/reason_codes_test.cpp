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
    const bool has_advice =
        credentials || code == 0x84 || code == 0x8E || code == 0x95 || code == 0x9C || code == 0x9D;
    CHECK(follows(code).advice.empty() != has_advice);
  }
  CHECK(text_of(0x87) == "Not authorized (reason code 135)");
}

TEST_CASE("what becomes of the sets of a message") {
  for (const int code : {0x87, 0x90, 0x99}) CHECK(consequence_of(code).answer == Answer::refused_for_good);
  for (const int code : {0x80, 0x83, 0x91, 0x97, 0x88, 0xFF})
    CHECK(consequence_of(code).answer == Answer::refused_now);
  CHECK(consequence_of(0x95).answer == Answer::too_large);
  CHECK(consequence_of(0x10).answer == Answer::taken);
}

TEST_CASE("each refusal has a label") {
  CHECK(refusal_labels.at(refusal_label_of(0x87)) == "not_authorized");
  CHECK(refusal_labels.at(refusal_label_of(0x95)) == "packet_too_large");
  CHECK(refusal_labels.at(refusal_label_of(0x97)) == "quota_exceeded");
  CHECK(refusal_labels.at(refusal_label_of(connection_closed)) == "connection_closed");
  CHECK(refusal_labels.at(refusal_label_of(0xA2)) == "other");
}
