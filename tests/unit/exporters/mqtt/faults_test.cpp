// What goes wrong between agent and broker: nothing counts as delivered that was not acknowledged.
#include <doctest/doctest.h>

#include <array>
#include <boost/asio/ip/tcp.hpp>
#include <boost/asio/write.hpp>
#include <thread>

#include "tests/unit/exporters/mqtt/rig.h"

using namespace flopwatt;
using namespace flopwatt::test;
using Lane = PushExporter::Lane;
using std::chrono::milliseconds;
using std::chrono::seconds;

namespace {

std::vector<StoredSet> some(std::uint64_t first, std::uint64_t count, const SourcePtr& source) {
  std::vector<StoredSet> sets;
  for (std::uint64_t seq = first; seq < first + count; ++seq) sets.push_back(stored(seq, source, {1, 2, 3}));
  return sets;
}

using Fates = std::vector<Fate>;

std::uint64_t refusals(const Rig& rig, std::string_view reason) {
  for (const Refusals& each : rig.exporter->refusals())
    if (each.reason == reason) return each.count;
  return ~std::uint64_t{0};
}

}  // namespace

TEST_CASE("without a connection publish() fails at once") {
  Rig rig(free_port());
  const auto result = rig.publish(some(1, 1, meter("pdu-a")), Lane::live);
  REQUIRE(result->returned);
  CHECK(result->fates == Fates{Fate::unanswered});
}

TEST_CASE(
    "a broker that falls silent: publish() does not succeed, fails at the deadline, and all is well after") {
  Mosquitto broker;
  broker.start();
  Rig rig(broker.port);
  REQUIRE(rig.up());
  broker.freeze();
  const auto publication = rig.start(some(1, 3, meter("pdu-a")), Lane::live);
  CHECK_FALSE(run_until(
      rig.loop, [&] { return publication->ended; }, seconds(8)));
  CHECK(rig.exporter->up());
  REQUIRE(run_until(
      rig.loop, [&] { return publication->ended; }, seconds(4)));
  REQUIRE(publication->returned);
  CHECK(publication->fates == Fates(3, Fate::unanswered));
  CHECK_FALSE(rig.exporter->up());
  broker.thaw();
  REQUIRE(rig.up(seconds(15)));
  CHECK(rig.exporter->connection() == 2);
  CHECK(rig.publish(some(1, 3, meter("pdu-a")), Lane::live)->delivered);
}

TEST_CASE("leaving a silent broker takes less than a second") {
  Mosquitto broker;
  broker.start();
  Rig rig(broker.port);
  REQUIRE(rig.up());
  broker.freeze();
  const auto start = std::chrono::steady_clock::now();
  rig.leave();
  CHECK(std::chrono::steady_clock::now() - start < seconds(1));
}

TEST_CASE("what the access list denies is not delivered; what it allows is") {
  const TemporaryFolder folder;
  folder.write("acl",
               "topic readwrite flopwatt/rack-r12/state\ntopic readwrite flopwatt/rack-r12/meters/pdu-a\n");
  std::filesystem::permissions(folder.path / "acl", std::filesystem::perms::all);
  Mosquitto broker("allow_anonymous true\nacl_file " + (folder.path / "acl").string() + "\n");
  broker.start();
  Rig rig(broker.port);
  REQUIRE(rig.up());
  // Nobody subscribes: PUBACK comes with 0x10, which is a success.
  CHECK(rig.publish(some(1, 5, meter("pdu-a")), Lane::live)->delivered);
  auto sets = some(6, 2, meter("pdu-a"));
  sets.push_back(stored(8, meter("pdu-b"), {1, 2, 3}));
  const auto result = rig.publish(sets, Lane::live);
  REQUIRE(result->returned);
  CHECK(result->fates == Fates{Fate::delivered, Fate::delivered, Fate::set_aside});
  CHECK(refusals(rig, "not_authorized") >= 1);
  CHECK(rig.exporter->up());
  CHECK(rig.publish(some(9, 1, meter("pdu-a")), Lane::live)->delivered);
  // The topic rests: nothing is sent to it, and nothing is refused.
  const std::uint64_t refused = refusals(rig, "not_authorized");
  CHECK(rig.publish({stored(10, meter("pdu-b"), {1, 2, 3})}, Lane::live)->fates == Fates{Fate::set_aside});
  CHECK(refusals(rig, "not_authorized") == refused);
  // Its replay topic was not tried yet.
  CHECK(rig.exporter->replay_from(SourceKind::meter, "pdu-b") <= std::chrono::steady_clock::now());
  CHECK(rig.publish({stored(10, meter("pdu-b"), {1, 2, 3})}, Lane::replay)->fates == Fates{Fate::set_aside});
  CHECK(rig.exporter->replay_from(SourceKind::meter, "pdu-b") >
        std::chrono::steady_clock::now() + std::chrono::minutes(9));
}

TEST_CASE(
    "a broker that is restarted: publish() under way fails, then the exporter is up again and tells "
    "everything") {
  Mosquitto broker;
  broker.start();
  Rig rig(broker.port);
  REQUIRE(rig.up());
  const auto source = meter("pdu-a");
  rig.exporter->set_status(
      {{.source = source, .up = true, .known = true, .fault = {}, .since_wall_us = noon}});
  broker.freeze();
  const auto publication = rig.start(some(1, 3, source), Lane::live);
  run_until(
      rig.loop, [] { return false; }, milliseconds(50));
  CHECK_FALSE(publication->ended);
  broker.stop();
  REQUIRE(run_until(rig.loop, [&] { return publication->ended && !rig.exporter->up(); }));
  broker.start();
  bool waited = false;
  auto on_up = [&](std::exception_ptr) { waited = true; };
  asio::co_spawn(rig.loop, rig.exporter->wait_until_up(), on_up);
  REQUIRE(run_until(
      rig.loop, [&] { return waited; }, seconds(10)));
  CHECK(rig.exporter->up());
  CHECK(rig.exporter->connection() == 2);
  Subscriber subscriber(broker, "#");
  CHECK(run_until(rig.loop, [&] {
    return subscriber.on("flopwatt/rack-r12/state").size() == 1 &&
           subscriber.on("flopwatt/rack-r12/info").size() == 1 &&
           subscriber.on("flopwatt/rack-r12/status/pdu-a").size() == 1;
  }));
  CHECK(rig.publish(some(1, 3, source), Lane::live)->delivered);
}

TEST_CASE("the broker's receive maximum is obeyed: it would close the connection otherwise") {
  Mosquitto broker("allow_anonymous true\nmax_inflight_messages 1\n");
  broker.start();
  Rig rig(broker.port);
  REQUIRE(rig.up());
  const auto replay = rig.start(some(1, 2000, meter("pdu-b")), Lane::replay);
  CHECK(rig.publish(some(3001, 200, meter("pdu-a")), Lane::live)->delivered);
  REQUIRE(run_until(rig.loop, [&] { return replay->ended; }));
  CHECK(replay->delivered);
  CHECK(rig.exporter->connection() == 1);
}

TEST_CASE("with one message in flight at most, replay waits for live senders, but not for ever") {
  Mosquitto broker("allow_anonymous true\nmax_inflight_messages 1\n");
  broker.start();
  Rig rig(broker.port);
  REQUIRE(rig.up());
  Subscriber subscriber(broker, "#");
  REQUIRE(run_until(rig.loop, [&] { return !subscriber.messages().empty(); }));
  // Replay waits for its second message when info and status are sent; their sender then waits for room once
  // more, has nothing to say, and its turn must come back to replay.
  const auto source = meter("pdu-a");
  const auto behind =
      rig.start({stored(1, source, {1, 2, 3}), stored(2, meter("pdu-b"), {1, 2, 3})}, Lane::replay);
  rig.exporter->set_status(
      {{.source = source, .up = true, .known = true, .fault = {}, .since_wall_us = noon}});
  REQUIRE(run_until(rig.loop, [&] { return behind->ended; }));
  CHECK(behind->delivered);

  // A live sender that waits for room and is cancelled
  broker.freeze();
  const auto first = rig.start(some(11, 1, source), Lane::live);
  const auto second = rig.start(some(12, 1, source), Lane::live);
  const auto replay = rig.start(some(13, 1, meter("pdu-b")), Lane::replay);
  run_until(
      rig.loop, [] { return false; }, milliseconds(20));
  second->cancel.emit(asio::cancellation_type::terminal);
  broker.thaw();
  REQUIRE(run_until(rig.loop, [&] { return first->ended && second->ended && replay->ended; }));
  CHECK(first->delivered);
  CHECK_FALSE(second->returned);
  CHECK(replay->delivered);
}

TEST_CASE(
    "the broker's largest packet is obeyed: smaller arrays, and a larger live message fails by itself") {
  Mosquitto broker("allow_anonymous true\nmax_packet_size 400\n");
  broker.start();
  Rig rig(broker.port);
  REQUIRE(rig.up());
  CHECK(rig.publish(some(1, 100, meter("pdu-a")), Lane::replay)->delivered);
  const auto result = rig.publish(some(101, 1, meter(std::string(300, 'x'))), Lane::live);
  REQUIRE(result->returned);
  CHECK(result->fates == Fates{Fate::set_aside});
  CHECK(refusals(rig, "packet_too_large") == 1);
  CHECK(rig.exporter->up());
  CHECK(rig.publish(some(102, 1, meter("pdu-a")), Lane::live)->delivered);
  CHECK(rig.exporter->connection() == 1);
}

TEST_CASE("publish() can be cancelled at any time; what it had sent does no harm") {
  Mosquitto broker;
  broker.start();
  Rig rig(broker.port);
  REQUIRE(rig.up());
  broker.freeze();
  {
    const auto publication = rig.start(some(1, 200, meter("pdu-a")), Lane::live);
    run_until(
        rig.loop, [] { return false; }, milliseconds(20));
    CHECK_FALSE(publication->ended);
    publication->cancel.emit(asio::cancellation_type::terminal);
    REQUIRE(run_until(rig.loop, [&] { return publication->ended; }));
    CHECK_FALSE(publication->returned);
  }
  broker.thaw();
  CHECK(rig.publish(some(1, 200, meter("pdu-a")), Lane::live)->delivered);
  CHECK(rig.exporter->connection() == 1);
}

TEST_CASE(
    "a broker that ends the connection right behind its CONNACK: the exporter hears of both at once, and "
    "goes on") {
  using asio::ip::tcp;
  constexpr std::array<unsigned char, 7> connack_and_nonsense{0x20, 3, 0, 0, 0, 0x40, 0};
  asio::io_context broker_loop;
  tcp::acceptor acceptor(broker_loop, {asio::ip::address_v4::loopback(), 0});
  acceptor.non_blocking(true);
  Rig rig(acceptor.local_endpoint().port());
  for (int connection = 0; connection < 3; ++connection) {
    boost::system::error_code error;
    tcp::socket peer(broker_loop);
    const auto has_asked = [&] {
      if (!peer.is_open()) acceptor.accept(peer, error);
      return peer.is_open() && peer.available(error) > 0;
    };
    REQUIRE(run_until(rig.loop, has_asked));
    asio::write(peer, asio::buffer(connack_and_nonsense), error);
    peer.shutdown(tcp::socket::shutdown_send, error);
    std::this_thread::sleep_for(milliseconds(200));  // the loop is busy meanwhile
  }
  run_until(
      rig.loop, [] { return false; }, milliseconds(200));
  CHECK_FALSE(rig.exporter->up());
  CHECK(rig.publish(some(1, 1, meter("pdu-a")), Lane::live)->fates == Fates{Fate::unanswered});
}

TEST_CASE("a host name that nobody knows is a reason, not an end") {
  flopwatt::mqtt::Settings config = Rig::configuration(1883);
  config.host = "no-such-broker.invalid";
  Rig rig(config);
  CHECK_FALSE(rig.up(milliseconds(500)));
  rig.leave();
}
