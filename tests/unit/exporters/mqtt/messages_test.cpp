#include "exporters/mqtt/messages.h"

#include <doctest/doctest.h>

#include "tests/unit/exporters/mqtt/sets.h"

using namespace flopwatt;
using namespace flopwatt::mqtt;
using Lane = PushExporter::Lane;

namespace {

constexpr std::size_t any_packet = 268'435'460;

std::vector<Message> all_of(const std::vector<StoredSet>& sets, Lane lane,
                            std::size_t max_packet = any_packet) {
  Routes routes(topic_base("flopwatt", "rack-r12"));
  std::vector<std::size_t> all;
  for (std::size_t i = 0; i < sets.size(); ++i) all.push_back(i);
  MessageSeries series(sets, all, lane, routes, max_packet);
  std::vector<Message> messages;
  while (series.topic()) messages.push_back(std::move(series.take().message));
  return messages;
}

std::size_t objects_in(const std::string& array) {
  std::size_t count = 0;
  for (std::size_t at = 0; (at = array.find("{\"seq\":", at)) != std::string::npos; ++at) ++count;
  return count;
}

}  // namespace

TEST_CASE("each live set is one message on the topic of its source, in the order of seq") {
  const auto messages = all_of({test::stored(1, test::meter("pdu-a"), {230.5, 1234, absent}),
                                test::stored(2, test::accelerator("nvidia0"), {700, 1.5e18, 2}),
                                test::stored(3, test::window("rack/1m"), {2e-12})},
                               Lane::live);
  REQUIRE(messages.size() == 3);
  CHECK(*messages[0].topic == "flopwatt/rack-r12/meters/pdu-a");
  CHECK(
      messages[0].payload ==
      R"({"seq":1,"time":"2026-11-23T12:44:01.250Z","active_power_w":230.5,"energy_import_wh_total":1234})");
  CHECK(*messages[1].topic == "flopwatt/rack-r12/accelerators/nvidia0");
  CHECK(*messages[2].topic == "flopwatt/rack-r12/scopes/rack/1m");
  for (const Message& message : messages) CHECK_FALSE(message.retained);
}

TEST_CASE("work counted for a scope has its topic") {
  Source source = *test::window("rack");
  source.kind = SourceKind::work;
  source.fields = {Field{.channel = {Quantity::counted_work}}};
  const auto messages = all_of({test::stored(1, std::make_shared<const Source>(source), {2e18})}, Lane::live);
  REQUIRE(messages.size() == 1);
  CHECK(*messages[0].topic == "flopwatt/rack-r12/work/rack");
  CHECK(messages[0].payload == R"({"seq":1,"time":"2026-11-23T12:44:01.250Z","flop_total":2e+18})");
}

TEST_CASE("a scope's running figures have no topic") {
  Source source = *test::window("rack");
  source.kind = SourceKind::scope;
  CHECK(all_of({test::stored(1, std::make_shared<const Source>(source), {1})}, Lane::live).empty());
}

TEST_CASE(
    "replay collects the sets of a topic, oldest first, also where the source was described anew between") {
  const auto before = test::meter("pdu-a", ""), after = test::meter("pdu-a", "4711");
  const auto other = test::meter("pdu-b");
  const auto messages = all_of({test::stored(1, before, {1, 1, 1}), test::stored(2, other, {2, 2, 2}),
                                test::stored(3, after, {3, 3, 3}), test::stored(4, other, {4, 4, 4})},
                               Lane::replay);
  REQUIRE(messages.size() == 2);
  CHECK(*messages[0].topic == "flopwatt/rack-r12/replay/meters/pdu-a");
  CHECK(
      messages[0].payload ==
      R"([{"seq":1,"time":"2026-11-23T12:44:01.250Z","active_power_w":1,"energy_import_wh_total":1,"voltage_l1_v":1},)"
      R"({"seq":3,"time":"2026-11-23T12:44:03.250Z","active_power_w":3,"energy_import_wh_total":3,"voltage_l1_v":3}])");
  CHECK(*messages[1].topic == "flopwatt/rack-r12/replay/meters/pdu-b");
  CHECK(objects_in(messages[1].payload) == 2);
}

TEST_CASE("an array has at most 500 objects") {
  std::vector<StoredSet> sets;
  const auto source = test::window("rack/1m");
  for (std::uint64_t seq = 1; seq <= 1001; ++seq) sets.push_back(test::stored(seq, source, {absent}));
  const auto messages = all_of(sets, Lane::replay);
  REQUIRE(messages.size() == 3);
  CHECK(objects_in(messages[0].payload) == 500);
  CHECK(objects_in(messages[1].payload) == 500);
  CHECK(objects_in(messages[2].payload) == 1);
}

TEST_CASE("an array has at most 64 KiB, and is filled up to them") {
  Source wide = *test::meter("pdu-a");
  wide.fields.clear();
  for (const Place place : {Place::l1, Place::l2, Place::l3, Place::n})
    for (const Quantity quantity : {Quantity::active_power, Quantity::voltage, Quantity::current})
      wide.fields.push_back(Field{.channel = {quantity, place}});
  const auto source = std::make_shared<const Source>(wide);
  std::vector<StoredSet> sets;
  for (std::uint64_t seq = 1; seq <= 1000; ++seq)
    sets.push_back(test::stored(seq, source, std::vector<double>(12, 123456.789012345)));
  const auto messages = all_of(sets, Lane::replay);
  REQUIRE(messages.size() > 2);
  std::size_t objects = 0;
  for (const Message& message : messages) {
    CHECK(message.payload.size() <= 64 * 1024);
    CHECK(message.payload.front() == '[');
    CHECK(message.payload.substr(message.payload.size() - 2) == "}]");
    objects += objects_in(message.payload);
  }
  CHECK(objects == 1000);
  CHECK(messages[0].payload.size() > 64 * 1024 - 500);
}

TEST_CASE("an array obeys the largest packet of the broker; one object alone is never split") {
  std::vector<StoredSet> sets;
  const auto source = test::meter("pdu-a");
  for (std::uint64_t seq = 1; seq <= 40; ++seq) sets.push_back(test::stored(seq, source, {1, 2, 3}));
  for (const Message& message : all_of(sets, Lane::replay, 1000))
    CHECK(message.topic->size() + message.payload.size() + packet_overhead <= 1000);
  CHECK(all_of(sets, Lane::replay, 10).size() == 40);
}

TEST_CASE("a message says which sets are in it; those of a topic can be passed over") {
  Routes routes(topic_base("flopwatt", "rack-r12"));
  const auto a = test::meter("pdu-a"), b = test::meter("pdu-b");
  std::vector<StoredSet> sets;
  for (std::uint64_t seq = 1; seq <= 6; ++seq)
    sets.push_back(test::stored(seq, seq % 2 == 0 ? b : a, {1, 2, 3}));
  MessageSeries series(sets, {0, 1, 3, 4, 5}, Lane::replay, routes, any_packet);
  const SetMessage first = series.take();
  CHECK(first.sets == std::vector<std::size_t>{0, 4});
  CHECK(first.facts.first_seq == 1);
  CHECK(first.facts.last_seq == 5);
  CHECK(first.facts.objects == 2);
  CHECK(*first.facts.subject == "flopwatt/rack-r12/meters/pdu-a");
  CHECK(*series.topic() == "flopwatt/rack-r12/replay/meters/pdu-b");
  CHECK(series.skip() == std::vector<std::size_t>{1, 3, 5});
  CHECK(series.topic() == nullptr);

  MessageSeries live(sets, {1, 3}, Lane::live, routes, any_packet);
  CHECK(live.skip() == std::vector<std::size_t>{1});
  CHECK(live.take().sets == std::vector<std::size_t>{3});
}

TEST_CASE("arrays obey a size that was learnt") {
  Routes routes(topic_base("flopwatt", "rack-r12"));
  std::vector<StoredSet> sets;
  std::vector<std::size_t> all;
  for (std::uint64_t seq = 1; seq <= 40; ++seq) {
    sets.push_back(test::stored(seq, test::meter("pdu-a"), {1, 2, 3}));
    all.push_back(seq - 1);
  }
  MessageSeries series(sets, all, Lane::replay, routes, any_packet, 600);
  std::size_t messages = 0;
  for (; series.topic(); ++messages) CHECK(series.take().message.payload.size() <= 600);
  CHECK(messages > 5);
}

TEST_CASE("routes of sources that nobody holds any more are forgotten") {
  Routes routes("f/n/");
  const auto kept = test::meter("kept");
  const Route* route = routes.find(kept);
  for (int i = 0; i < 100; ++i) CHECK(routes.find(test::meter("pdu-a")) != nullptr);
  CHECK(routes.size() <= 2);
  CHECK(routes.find(kept) == route);
}
