// Server and client of HTTP with each other over TLS.
#include <doctest/doctest.h>

#include <boost/asio/bind_cancellation_slot.hpp>
#include <boost/asio/cancellation_signal.hpp>
#include <boost/asio/io_context.hpp>
#include <optional>

#include "runtime/http/http_client.h"
#include "runtime/http/http_server.h"
#include "runtime/tls/tls_setup.h"
#include "tests/unit/runtime/tls/test_certificates.h"

using namespace flopwatt;
using asio::ip::tcp;

namespace {

const std::string large_body(3'000'000, 'x');

awaitable<HttpResponse> echo(HttpRequest request) {
  HttpResponse response;
  std::string body = request.path == "/large" ? large_body : request.path + "|" + request.authorization;
  response.body = std::make_shared<const std::string>(std::move(body));
  co_return response;
}

std::shared_ptr<asio::ssl::context> context_of(TlsRole role, const std::string& ca,
                                               const test::CertificateFolder& folder, const std::string& own,
                                               PeerCertificate peer) {
  TlsSettings settings;
  settings.role = role;
  if (!ca.empty()) settings.files.ca_file = folder / ca;
  if (!own.empty())
    settings.files = {settings.files.ca_file, folder / (own + ".pem"), folder / (own + ".key")};
  settings.peer = peer;
  const auto made = load_tls(settings);
  REQUIRE(made.product.has_value());
  return (*made.product)->context;
}

class Pair {
 public:
  explicit Pair(std::shared_ptr<asio::ssl::context> context)
      : tls(std::move(context)), server_(loop_.get_executor(), echo, {}, [this] { return tls; }) {
    const auto ports = server_.listen("127.0.0.1", 0);
    REQUIRE(ports.has_value());
    target.endpoints = {{asio::ip::address_v4::loopback(), ports->front()}};
    target.host = target.tls_host = "h";
  }

  Result<HttpAnswer> get(const std::string& path) {
    std::optional<Result<HttpAnswer>> result;
    asio::cancellation_signal cancel;
    target.path = path;
    auto ask = [&]() -> awaitable<void> {
      result = co_await http_get(target);
      cancel.emit(asio::cancellation_type::terminal);
    };
    loop_.restart();
    asio::co_spawn(loop_, server_.run(),
                   asio::bind_cancellation_slot(cancel.slot(), [](const std::exception_ptr&) {}));
    asio::co_spawn(loop_, ask, [](const std::exception_ptr& failure) { CHECK_FALSE(failure); });
    loop_.run();
    REQUIRE(result);
    return *result;
  }
  std::string fault(const std::string& path = "/") {
    const auto answer = get(path);
    REQUIRE_FALSE(answer.has_value());
    return answer.error().message;
  }

  std::shared_ptr<asio::ssl::context> tls;
  HttpTarget target;

 private:
  asio::io_context loop_{1};
  HttpServer server_;
};

}  // namespace

TEST_CASE("pages go over TLS, small and large ones; a server that gets another certificate shows it") {
  const test::CertificateFolder folder;
  folder.sign("server", "DNS:h");
  folder.sign("renewed", "DNS:renewed");
  Pair pair(context_of(TlsRole::server, "", folder, "server", PeerCertificate::not_asked));
  pair.target.tls = context_of(TlsRole::client, "ca.pem", folder, "", {});
  pair.target.authorization = "Basic abc";
  CHECK(pair.get("/a")->body == "/a|Basic abc");
  const bool is_whole = pair.get("/large")->body == large_body;
  CHECK(is_whole);
  pair.tls = context_of(TlsRole::server, "", folder, "renewed", PeerCertificate::not_asked);
  CHECK(pair.fault().find("the certificate is for another name: renewed") != std::string::npos);
  pair.target.tls_host = "renewed";
  CHECK(pair.get("/a")->status == 200);
  pair.tls = nullptr;
  CHECK(pair.fault().find("the other end does not speak TLS on this port") != std::string::npos);
}

TEST_CASE(
    "a client without the certificate gets nothing but the alert, and one that speaks plain HTTP is told") {
  const test::CertificateFolder folder;
  folder.sign("server", "DNS:h");
  folder.sign("client", "DNS:c");
  Pair pair(context_of(TlsRole::server, "ca.pem", folder, "server", PeerCertificate::needed_and_verified));
  pair.target.tls = context_of(TlsRole::client, "ca.pem", folder, "", {});
  CHECK(pair.fault().find("a client certificate is needed") != std::string::npos);
  pair.target.tls = context_of(TlsRole::client, "ca.pem", folder, "client", {});
  CHECK(pair.get("/a")->status == 200);
  pair.target.tls = nullptr;
  const auto answer = pair.get("/a");
  REQUIRE(answer.has_value());
  CHECK(answer->status == 400);
  CHECK(answer->body == "This port is for https:// only.\n");
}
