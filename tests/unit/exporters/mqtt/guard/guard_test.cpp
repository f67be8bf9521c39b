// The guard between this process, in the place of Paho, and brokers that are sockets of the test.
#include "exporters/mqtt/guard/guard.h"

#include <doctest/doctest.h>

#include <boost/asio/bind_cancellation_slot.hpp>
#include <boost/asio/co_spawn.hpp>
#include <boost/asio/read.hpp>
#include <boost/asio/write.hpp>
#include <cstdlib>
#include <thread>

#include "runtime/tls/tls_setup.h"
#include "tests/unit/runtime/tls/test_certificates.h"

using namespace flopwatt;
using namespace flopwatt::mqtt;
using asio::ip::tcp;
using boost::system::error_code;

namespace {

constexpr std::string_view connack("\x20\x03\x00\x00\x00", 5);

// Listens at 127.0.0.1 and serves one connection on a thread.
class Broker {
 public:
  explicit Broker(std::function<void(tcp::socket&)> serve)
      : thread_([this, serve = std::move(serve)] {
          error_code closed;
          tcp::socket socket(io_);
          acceptor_.accept(socket, closed);
          if (!closed) serve(socket);
        }) {}
  ~Broker() {
    // Whoever waits to accept gets a connection that says nothing.
    tcp::socket last(io_);
    error_code ignored;
    last.connect(acceptor_.local_endpoint(), ignored);
    last.close();
    thread_.join();
  }
  Broker(const Broker&) = delete;
  Broker& operator=(const Broker&) = delete;

  [[nodiscard]] BrokerPlace place(const std::string& host = "127.0.0.1") const {
    return {host, acceptor_.local_endpoint().port(), nullptr};
  }

 private:
  asio::io_context io_;
  tcp::acceptor acceptor_{io_, tcp::endpoint(asio::ip::address_v4::loopback(), 0)};
  std::thread thread_;
};

struct Client {
  asio::io_context loop;
  Guard guard;
  std::shared_ptr<GuardedLink> link;
  std::optional<Fault> fault;
  tcp::socket paho{loop};

  bool open(const BrokerPlace& place) {
    asio::co_spawn(loop, begin(place), [](std::exception_ptr) {});
    run();
    if (link) paho.connect({asio::ip::address_v4::loopback(), link->port()});
    return link != nullptr;
  }
  /// What the broker sends, until the guard closes the connection.
  std::string read_all() {
    std::string text;
    error_code ended;
    asio::read(paho, asio::dynamic_buffer(text), ended);
    return text;
  }
  /// Why it ended; what was posted to the loop before has happened by then.
  RelayEnd end() {
    while (!link->end()) run_one();
    return *link->end();
  }

 private:
  awaitable<void> begin(BrokerPlace place) {
    auto opened = co_await guard.open(std::move(place));
    if (opened)
      link = *opened;
    else
      fault = opened.error();
  }
  void run() {
    loop.restart();
    loop.run();
  }
  void run_one() {
    const auto goes_on = asio::make_work_guard(loop);
    loop.restart();
    loop.run_one();
  }
};

std::string read_some(tcp::socket& socket, std::size_t length) {
  std::string text(length, '\0');
  error_code ended;
  text.resize(asio::read(socket, asio::buffer(text), ended));
  return text;
}

}  // namespace

TEST_CASE("bytes pass both ways unchanged, and what was written before the end arrives") {
  std::string sent(3'000'000, 'x'), got;
  {
    Broker broker([&](tcp::socket& socket) {
      asio::write(socket, asio::buffer(connack));
      error_code ended;
      asio::read(socket, asio::dynamic_buffer(got), ended);
    });
    Client client;
    REQUIRE(client.open(broker.place()));
    CHECK(read_some(client.paho, connack.size()) == connack);
    asio::write(client.paho, asio::buffer(sent));
    client.paho.close();
    client.link.reset();
  }
  CHECK(got == sent);
}

TEST_CASE("another process cannot use the connection") {
  Broker broker([](tcp::socket& socket) {
    asio::write(socket, asio::buffer(connack));
    (void)read_some(socket, 1);
  });
  Client client;
  asio::io_context& loop = client.loop;
  asio::co_spawn(
      loop,
      [](Client& one, BrokerPlace place) -> awaitable<void> {
        one.link = *co_await one.guard.open(std::move(place));
      }(client, broker.place()),
      [](std::exception_ptr) {});
  loop.run();
  REQUIRE(client.link);
  // It is closed without a byte; `read` fails at the end of the stream.
  const std::string command = "bash -c 'exec 3<>/dev/tcp/127.0.0.1/" + std::to_string(client.link->port()) +
                              "; read -t 10 -n 1 -u 3'";
  CHECK(WEXITSTATUS(std::system(command.c_str())) == 1);
  client.paho.connect({asio::ip::address_v4::loopback(), client.link->port()});
  CHECK(read_some(client.paho, connack.size()) == connack);
}

TEST_CASE("a packet that is larger than 64 KiB, and what is no MQTT, end the connection with the reason") {
  const auto end_after = [](std::string answer) {
    Broker broker([&](tcp::socket& socket) {
      error_code ended;
      asio::write(socket, asio::buffer(answer), ended);
      (void)read_some(socket, 1);
    });
    Client client;
    REQUIRE(client.open(broker.place()));
    (void)client.read_all();
    return client.end();
  };
  const std::string large =
      std::string(connack) + std::string("\x30\x80\x84\xaf\x5f", 5) + std::string(500'000, 'x');
  CHECK(end_after(large).why.find("a packet of 200000000 bytes") != std::string::npos);
  const RelayEnd web = end_after("HTTP/1.1 400 Bad Request\r\n\r\n");
  CHECK(web.why == "what answers is no MQTT broker");
  CHECK(web.first_bytes.starts_with("HTTP/1.1 400 Bad"));
}

TEST_CASE("what a broker says last arrives, also where more was written to it than it read") {
  Broker broker([](tcp::socket& socket) {
    const std::string last = std::string(connack) + std::string("\xe0\x02\x95\x00", 4);
    (void)read_some(socket, 1);
    asio::write(socket, asio::buffer(last));
  });
  Client client;
  REQUIRE(client.open(broker.place()));
  error_code closed;
  asio::write(client.paho, asio::buffer(std::string(8'000'000, 'x')), closed);
  CHECK(client.read_all().ends_with(std::string("\xe0\x02\x95\x00", 4)));
}

TEST_CASE("a broker that closes is named as the one who did") {
  Broker broker([](tcp::socket& socket) { asio::write(socket, asio::buffer(connack)); });
  Client client;
  REQUIRE(client.open(broker.place()));
  CHECK(client.read_all() == connack);
  CHECK(client.end().why == "the broker closed the connection");
}

TEST_CASE("where there is no connection the reason tells address and cure") {
  const auto fault_of = [](BrokerPlace place) {
    Client client;
    CHECK_FALSE(client.open(place));
    return client.fault->message;
  };
  BrokerPlace dead;
  {
    asio::io_context io;
    tcp::acceptor free(io, {asio::ip::address_v4::loopback(), 0});
    dead = {"127.0.0.1", free.local_endpoint().port(), nullptr};
  }
  CHECK(fault_of(dead) ==
        "nobody listens at " + dead.text() + "; start the broker there, or correct `broker`");
  CHECK(fault_of({"no.such.host.invalid", 1883, nullptr}).find("no address of no.such.host.invalid") == 0);
}

TEST_CASE("all addresses of a name are tried") {
  Broker broker([](tcp::socket& socket) { asio::write(socket, asio::buffer(connack)); });
  Client client;
  REQUIRE(client.open(broker.place("localhost")));  // ::1 comes first where there is IPv6
  CHECK(client.link->broker().address().is_v4());
}

TEST_CASE("TLS to the broker: verified by name and issuer, each failure in words") {
  const test::CertificateFolder folder, stranger("Another CA");
  folder.sign("broker", "DNS:localhost");
  folder.sign("other", "DNS:other.example");
  const auto setup = [](TlsRole role, const std::filesystem::path& ca, const std::filesystem::path& cert,
                        const std::filesystem::path& key) {
    TlsSettings settings;
    settings.role = role;
    settings.files = {ca, cert, key};
    return *load_tls(settings).product;
  };
  const auto message_of = [&](const std::string& certificate, const std::filesystem::path& ca,
                              bool dies = false) {
    const auto server =
        setup(TlsRole::server, {}, folder / (certificate + ".pem"), folder / (certificate + ".key"));
    Broker broker([&](tcp::socket& socket) {
      asio::ssl::stream<tcp::socket&> stream(socket, *server->context);
      error_code error;
      stream.handshake(asio::ssl::stream_base::server, error);
      if (!error) asio::write(stream, asio::buffer(connack), error);
      if (dies) socket.set_option(tcp::socket::linger(true, 0));  // as of a process that is killed: a reset
      if (!error && !dies) stream.shutdown(error);
    });
    BrokerPlace place = broker.place("localhost");
    place.tls = setup(TlsRole::client, ca, {}, {})->context;
    Client client;
    if (!client.open(place)) return client.fault->message;
    CHECK(client.read_all() == connack);
    return client.end().why;
  };
  CHECK(message_of("broker", folder / "ca.pem") == "the broker closed the connection");
  CHECK(message_of("broker", folder / "ca.pem", true) == "the broker closed the connection");
  CHECK(message_of("other", folder / "ca.pem").find("is for another name: other.example") !=
        std::string::npos);
  CHECK(message_of("broker", stranger / "ca.pem").find("unknown issuer") != std::string::npos);
}
