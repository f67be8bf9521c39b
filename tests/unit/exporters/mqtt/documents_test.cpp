#include "exporters/mqtt/documents.h"

#include <doctest/doctest.h>

#include <set>

#include "exporters/mqtt/source_status.h"
#include "tests/unit/exporters/mqtt/sets.h"

using namespace flopwatt;
using namespace flopwatt::mqtt;

namespace {

SourceStatus status_of(const SourcePtr& source, bool up, std::int64_t since = test::noon) {
  return {.source = source, .up = up, .known = true, .fault = FaultClass::timeout, .since_wall_us = since};
}

std::vector<std::string> topics_of(SourceStatusMessages& messages) {
  std::vector<std::string> topics;
  while (const auto message = messages.take()) {
    CHECK(message->retained);
    topics.push_back(*message->topic);
  }
  return topics;
}

}  // namespace

TEST_CASE("state, status and info to the letter") {
  CHECK(state_document(true, test::noon, "0.1.0") ==
        R"({"state":"online","connected_since":"2026-11-23T12:44:01.250Z","version":"0.1.0","schema":1})");
  CHECK(state_document(false, test::noon, "0.1.0") ==
        R"({"state":"offline","connected_since":"2026-11-23T12:44:01.250Z","version":"0.1.0","schema":1})");
  CHECK(status_document(status_of(test::meter("m"), true)) ==
        R"({"up":true,"since":"2026-11-23T12:44:01.250Z"})");
  CHECK(status_document(status_of(test::meter("m"), false)) ==
        R"({"up":false,"fault":"timeout","since":"2026-11-23T12:44:01.250Z"})");
  CHECK(
      info_document({status_of(test::meter("pdu-a"), true), status_of(test::accelerator("nvidia0"), true)}) ==
      R"({"sources":{"pdu-a":{"kind":"meter","vendor":"Eastron","model":"SDM630","serial":"4711",)"
      R"("profile":"eastron-sdm630","interval":1},)"
      R"("nvidia0":{"kind":"accelerator","vendor":"NVIDIA","model":"H200","uuid":"GPU-1","interval":0.5}},)"
      R"("units":{"active_power_w":"W","coverage":"1","energy_import_wh_total":"Wh","energy_j":"J","flop":"FLOP",)"
      R"("flop_per_second_per_watt":"FLOP/J","flop_total":"FLOP","interim_pue":"1","interval":"s","joules_per_flop":"J/FLOP",)"
      R"("joules_per_flop_high":"J/FLOP","joules_per_flop_low":"J/FLOP","power_w":"W","uncertainty":"1",)"
      R"("voltage_l1_v":"V"}})");
}

TEST_CASE("info tells the labels of a meter's branches, and the units of their keys") {
  Source meter = *test::meter("pdu-a");
  meter.identity.branch_labels = {{12, "gpu-02"}, {1, "gpu-01-\"psu1\""}};
  meter.fields.push_back(Field{.channel = {Quantity::current, Place::branch, 1}});
  const std::string info = info_document({status_of(std::make_shared<const Source>(meter), true)});
  CHECK(info.find(
            R"("profile":"eastron-sdm630","branches":{"1":"gpu-01-\"psu1\"","12":"gpu-02"},"interval":1})") !=
        std::string::npos);
  CHECK(info.find(R"("current_a":"A")") != std::string::npos);
}

TEST_CASE("the status of a source that goes is taken away, until it comes back") {
  SourceStatusMessages messages("f/n/");
  const auto a = test::meter("a"), b = test::meter("b");
  CHECK(messages.update({status_of(a, true), status_of(b, true)}));
  (void)topics_of(messages);
  CHECK(messages.update({status_of(a, true)}));
  (void)messages.take();  // info
  auto message = messages.take();
  REQUIRE(message);
  CHECK(*message->topic == "f/n/status/b");
  CHECK(message->payload.empty());
  CHECK(message->retained);
  CHECK_FALSE(messages.update({status_of(a, true)}));
  messages.forget_published();  // it may have been lost with the connection
  CHECK(topics_of(messages) == std::vector<std::string>{"f/n/info", "f/n/status/a", "f/n/status/b"});
  CHECK(messages.update({status_of(a, true), status_of(b, true)}));
  (void)messages.take();
  message = messages.take();
  REQUIRE(message);
  CHECK(message->payload.find("true") != std::string::npos);
}

TEST_CASE("the status publishes what changed, and everything after a reconnect") {
  SourceStatusMessages messages("f/n/");
  CHECK_FALSE(messages.take());
  const auto a = test::meter("a"), b = test::meter("b");
  SourceStatus unknown = status_of(b, false);
  unknown.known = false;
  CHECK(messages.update({status_of(a, true), unknown}));
  CHECK(topics_of(messages) == std::vector<std::string>{"f/n/info", "f/n/status/a"});

  CHECK_FALSE(messages.update({status_of(a, true), unknown}));
  CHECK(messages.update({status_of(a, true), status_of(b, false)}));
  CHECK(topics_of(messages) == std::vector<std::string>{"f/n/status/b"});
  CHECK(messages.update({status_of(a, true), status_of(b, true, test::noon + 1)}));
  CHECK(topics_of(messages) == std::vector<std::string>{"f/n/status/b"});

  CHECK(messages.update({status_of(test::meter("a", "0815"), true), status_of(b, true, test::noon + 1)}));
  CHECK(topics_of(messages) == std::vector<std::string>{"f/n/info"});

  messages.forget_published();
  CHECK(topics_of(messages) == std::vector<std::string>{"f/n/info", "f/n/status/a", "f/n/status/b"});
}
