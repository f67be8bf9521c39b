#include "exporters/mqtt/exporter.h"

#include <doctest/doctest.h>
#include <sys/stat.h>

#include <chrono>
#include <cstdlib>
#include <filesystem>

#include "exporters/mqtt/documents.h"
#include "exporters/mqtt/password.h"
#include "tests/unit/exporters/mqtt/rig.h"

using namespace flopwatt;
using namespace flopwatt::test;
using Lane = PushExporter::Lane;
using std::chrono::seconds;

namespace {

const std::string base = "flopwatt/rack-r12/";

SourceStatus status(const SourcePtr& source, bool up) {
  return {.source = source, .up = up, .known = true, .fault = FaultClass::timeout, .since_wall_us = noon};
}

/// The last message on that topic once there are `count` of them.
std::optional<Received> message(Rig& rig, Subscriber& subscriber, const std::string& topic,
                                std::size_t count = 1) {
  run_until(rig.loop, [&] { return subscriber.on(topic).size() >= count; });
  const auto found = subscriber.on(topic);
  if (found.size() != count) return std::nullopt;
  return found.back();
}

}  // namespace

TEST_CASE("state, info and status are retained; live messages are not, and all are JSON with QoS 1") {
  Mosquitto broker;
  broker.start();
  // Paho would lead the connection through this; nobody listens there.
  setenv("http_proxy", "http://127.0.0.1:9", 1);
  Rig rig(broker.port);
  CHECK(getenv("http_proxy") == nullptr);
  const auto source = meter("pdu-a");
  rig.exporter->set_status({status(source, true)});
  REQUIRE(rig.up());
  CHECK(rig.exporter->connection() == 1);

  Subscriber subscriber(broker, "#");
  const auto state = message(rig, subscriber, base + "state");
  REQUIRE(state);
  CHECK(state->retained);
  CHECK(state->qos == 1);
  CHECK(state->content_type == "application/json");
  CHECK(state->payload.substr(0, 36) == R"({"state":"online","connected_since":)");
  CHECK(state->payload.substr(62) == R"(,"version":"0.1.0","schema":1})");
  const auto up = message(rig, subscriber, base + "status/pdu-a");
  REQUIRE(up);
  CHECK(up->retained);
  CHECK(up->payload == R"({"up":true,"since":"2026-11-23T12:44:01.250Z"})");
  const auto info = message(rig, subscriber, base + "info");
  REQUIRE(info);
  CHECK(info->retained);

  rig.exporter->set_status({status(source, false)});
  const auto down = message(rig, subscriber, base + "status/pdu-a", 2);
  REQUIRE(down);
  CHECK(down->payload == R"({"up":false,"fault":"timeout","since":"2026-11-23T12:44:01.250Z"})");

  CHECK(rig.publish({stored(1, source, {230.5, 1234, absent})}, Lane::live)->delivered);
  const auto live = message(rig, subscriber, base + "meters/pdu-a");
  REQUIRE(live);
  CHECK_FALSE(live->retained);
  CHECK(live->qos == 1);
  CHECK(live->content_type == "application/json");
  CHECK(
      live->payload ==
      R"({"seq":1,"time":"2026-11-23T12:44:01.250Z","active_power_w":230.5,"energy_import_wh_total":1234})");

  rig.leave();
  const auto left = message(rig, subscriber, base + "state", 2);  // the offline message, and no will after it
  REQUIRE(left);
  CHECK(left->retained);
  CHECK(left->payload.substr(0, 37) == R"({"state":"offline","connected_since":)");
  CHECK(left->payload.find("\"time\"") == std::string::npos);
  CHECK_FALSE(rig.exporter->up());
}

TEST_CASE("what changes while the status before is being acknowledged is published, too") {
  Mosquitto broker;
  broker.start();
  Rig rig(broker.port);
  const auto source = meter("pdu-a");
  REQUIRE(rig.up());
  Subscriber subscriber(broker, base + "status/#");
  for (int change = 1; change <= 50; ++change) {
    rig.exporter->set_status({status(source, change % 2 == 0)});
    rig.loop.poll();  // it is sent
    SourceStatus newest = status(source, change % 2 == 0);
    newest.since_wall_us += 1000 * change;
    rig.exporter->set_status({newest});
    const auto is_told = [&] {
      const auto told = subscriber.on(base + "status/pdu-a");
      return !told.empty() && told.back().payload == flopwatt::mqtt::status_document(newest);
    };
    run_until(rig.loop, is_told);
    REQUIRE(is_told());
  }
}

TEST_CASE("user and password are sent; the password file is read at each connect") {
  const TemporaryFolder folder;
  const auto passwords = folder.path / "passwords";
  folder.write("passwords", "rack-r12:secret\n");
  REQUIRE(std::system(("mosquitto_passwd -U " + passwords.string()).c_str()) == 0);
  std::filesystem::permissions(passwords, std::filesystem::perms::all);
  Mosquitto broker("allow_anonymous false\npassword_file " + passwords.string() + "\n");

  folder.write("mqtt-password", "old one\n");
  flopwatt::mqtt::Settings config = Rig::configuration(broker.port);
  config.username = "rack-r12";
  config.password_file = folder.path / "mqtt-password";
  Rig rig(config);
  CHECK_FALSE(rig.up(std::chrono::milliseconds(300)));  // nobody listens yet
  folder.write("mqtt-password", "secret\n");
  broker.start();
  CHECK(rig.up());
}

TEST_CASE("a password file that became a pipe stops nothing; a good one is taken at the next attempt") {
  const TemporaryFolder folder;
  Mosquitto broker;
  broker.start();
  flopwatt::mqtt::Settings config = Rig::configuration(broker.port);
  config.username = "rack-r12";
  config.password_file = folder.path / "mqtt-password";
  REQUIRE(::mkfifo(config.password_file->c_str(), 0600) == 0);
  Rig rig(config);
  const auto begin = std::chrono::steady_clock::now();
  CHECK_FALSE(rig.up(std::chrono::milliseconds(300)));
  CHECK(std::chrono::steady_clock::now() - begin < seconds(2));
  const auto refused = flopwatt::mqtt::read_password(*config.password_file);
  REQUIRE_FALSE(refused);
  CHECK(refused.error().message.ends_with("mqtt-password: it is not a regular file"));
  std::filesystem::remove(*config.password_file);
  folder.write("mqtt-password", "secret\r\n");
  CHECK(flopwatt::mqtt::read_password(*config.password_file).value() == "secret");
  folder.write("mqtt-password", "\xEF\xBB\xBFsecret\n");
  const auto marked = flopwatt::mqtt::read_password(*config.password_file);
  REQUIRE_FALSE(marked);
  CHECK(marked.error().message.ends_with("save it without a byte order mark"));
  folder.write("mqtt-password", "secret\r\n");
  CHECK(rig.up());
}

TEST_CASE("refused credentials: not up, and no second attempt soon") {
  Mosquitto broker("allow_anonymous false\n");
  broker.start();
  Rig rig(broker.port);
  CHECK_FALSE(rig.up(seconds(4)));
  CHECK(rig.exporter->connection() == 0);
  CHECK(broker.logged("disconnected, not authorised") == 1);
}

TEST_CASE("a connection that breaks: the will says offline, then the agent is back under its client id") {
  Mosquitto broker;
  broker.start();
  Rig rig(broker.port);
  REQUIRE(rig.up());
  Subscriber subscriber(broker, base + "state");
  REQUIRE(message(rig, subscriber, base + "state"));
  // Another client with this client id is how a broker can be made to break it.
  const std::string take_over = "mosquitto_pub -V 5 -h 127.0.0.1 -p " + std::to_string(broker.port) +
                                " -i flopwatt-rack-r12-ems -t other -m x";
  REQUIRE(std::system(take_over.c_str()) == 0);
  const auto will = message(rig, subscriber, base + "state", 2);
  REQUIRE(will);
  CHECK(will->retained);
  CHECK(will->payload.substr(0, 18) == R"({"state":"offline")");
  const auto back = message(rig, subscriber, base + "state", 3);
  REQUIRE(back);
  CHECK(back->payload.substr(0, 17) == R"({"state":"online")");
  CHECK(rig.exporter->connection() == 2);
}

TEST_CASE("replay: arrays on the replay topic, oldest first, not retained, beside live messages") {
  Mosquitto broker("allow_anonymous true\nmax_inflight_messages 4\n");
  broker.start();
  Rig rig(broker.port);
  REQUIRE(rig.up());
  Subscriber subscriber(broker, base + "#", {"-x", "0"});
  REQUIRE(message(rig, subscriber, base + "state"));
  const auto a = meter("pdu-a"), b = meter("pdu-b");
  std::vector<StoredSet> backlog, live;
  for (std::uint64_t seq = 1; seq <= 1200; ++seq)
    backlog.push_back(stored(seq, seq % 2 == 0 ? a : b, {1, 2, 3}));
  for (std::uint64_t seq = 2001; seq <= 2100; ++seq) live.push_back(stored(seq, a, {1, 2, 3}));
  const auto replay = rig.start(backlog, Lane::replay);
  CHECK(rig.publish(live, Lane::live)->delivered);
  REQUIRE(run_until(rig.loop, [&] { return replay->ended; }));
  CHECK(replay->delivered);

  REQUIRE(message(rig, subscriber, base + "meters/pdu-a", 100));
  std::uint64_t seq = 2000;
  for (const Received& each : subscriber.on(base + "meters/pdu-a"))
    CHECK(each.payload.substr(0, 12) == R"({"seq":)" + std::to_string(++seq) + ",");
  seq = 0;
  REQUIRE(message(rig, subscriber, base + "replay/meters/pdu-a", 2));
  for (const Received& each : subscriber.on(base + "replay/meters/pdu-a")) {
    CHECK_FALSE(each.retained);
    CHECK(each.payload.front() == '[');
    for (std::size_t at = 0; (at = each.payload.find("\"seq\":", at)) != std::string::npos; ++at)
      CHECK(std::stoull(each.payload.substr(at + 6)) == (seq += 2));
  }
  CHECK(seq == 1200);
}

TEST_CASE("a burst of 40 messages") {
  Mosquitto broker("allow_anonymous true\nmax_inflight_messages 64\n");
  broker.start();
  Rig rig(broker.port);
  REQUIRE(rig.up());
  std::vector<StoredSet> burst;
  for (std::uint64_t seq = 1; seq <= 40; ++seq)
    burst.push_back(stored(seq, seq % 2 == 0 ? meter("pdu-a") : accelerator("nvidia0"), {1.5, 2e18, 2}));
  CHECK(rig.publish(burst, Lane::live)->delivered);
  constexpr int bursts = 50;
  const auto start = std::chrono::steady_clock::now();
  const std::clock_t cpu = std::clock();
  for (int i = 0; i < bursts; ++i) CHECK(rig.publish(burst, Lane::live)->delivered);
  const double messages = 40.0 * bursts;
  const double wall = std::chrono::duration<double>(std::chrono::steady_clock::now() - start).count();
  const double wall_us = wall / messages * 1e6;
  const double cpu_us = static_cast<double>(std::clock() - cpu) / CLOCKS_PER_SEC / messages * 1e6;
  MESSAGE(wall_us, " us a message until acknowledged, ", cpu_us, " us CPU of all threads");
  CHECK(wall / messages < 0.005);
}
