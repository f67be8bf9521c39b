#include "runtime/tls/tls_setup.h"

#include <doctest/doctest.h>
#include <openssl/tls1.h>
#include <sys/stat.h>

#include "tests/unit/runtime/tls/test_certificates.h"
#include "tests/unit/runtime/tls/tls_talk.h"

using namespace flopwatt;
using test::CertificateFolder;
using test::TlsTalk;

namespace {

std::shared_ptr<const TlsSetup> loaded(const TlsSettings& settings) {
  const auto made = load_tls(settings);
  INFO((made.product ? "" : made.product.error().message));
  REQUIRE(made.product.has_value());
  return *made.product;
}

std::string fault_of(const TlsSettings& settings) {
  const auto made = load_tls(settings);
  REQUIRE_FALSE(made.product.has_value());
  return made.product.error().message;
}

TlsSettings server_of(const CertificateFolder& folder, const std::string& name = "server",
                      PeerCertificate peer = PeerCertificate::not_asked) {
  TlsSettings settings;
  settings.role = TlsRole::server;
  settings.files = {{}, folder / (name + ".pem"), folder / (name + ".key")};
  settings.peer = peer;
  if (peer >= PeerCertificate::verified_if_given) settings.files.ca_file = folder / "ca.pem";
  return settings;
}

TlsSettings client_of(const CertificateFolder& folder, const std::string& name = "") {
  TlsSettings settings;
  settings.files.ca_file = folder / "ca.pem";
  if (!name.empty()) {
    settings.files.cert_file = folder / (name + ".pem");
    settings.files.key_file = folder / (name + ".key");
  }
  return settings;
}

std::string client_fault(const TlsSettings& client, const TlsSettings& server, const std::string& host) {
  TlsTalk talk(*loaded(client), *loaded(server));
  REQUIRE(expect_host(talk.client(), host));
  if (talk.shake()) return "";
  REQUIRE_FALSE(talk.client_fault.empty());
  return talk.client_fault;
}

bool has(const std::string& text, const std::string& part) {
  INFO(text);
  const bool found = text.find(part) != std::string::npos;
  CHECK(found);
  return found;
}

}  // namespace

TEST_CASE("a client takes the server that it expects, by name and by address, and no other") {
  const CertificateFolder folder;
  folder.sign("server", "DNS:broker.example,IP:127.0.0.1,IP:::1");
  const auto server = server_of(folder);
  CHECK(client_fault(client_of(folder), server, "broker.example") == "");
  CHECK(client_fault(client_of(folder), server, "127.0.0.1") == "");
  CHECK(client_fault(client_of(folder), server, "::1") == "");
  has(client_fault(client_of(folder), server, "other.example"),
      "for another name: broker.example, 127.0.0.1, ::1");
  has(client_fault(client_of(folder), server, "127.0.0.2"), "for another name");
  const CertificateFolder stranger("Stranger");
  has(client_fault(client_of(stranger), server, "broker.example"), "signed by an unknown issuer, CN=Test CA");
}

TEST_CASE("a certificate that has expired, or does not hold yet, is refused with its time and the clock's") {
  const CertificateFolder folder;
  folder.sign("old", "DNS:h", "20200101000000Z", "20210203040500Z");
  folder.sign("new", "DNS:h", "20480101000000Z");
  const std::string old = client_fault(client_of(folder), server_of(folder, "old"), "h");
  has(old, "expired on 2021-02-03 04:05 UTC (this machine's clock says 20");
  has(client_fault(client_of(folder), server_of(folder, "new"), "h"), "holds from 2048-01-01 00:00 UTC on");
  const auto setup = loaded(server_of(folder, "old"));
  REQUIRE(setup->warnings.size() == 1);
  has(setup->warnings.front(), "old.pem: the certificate CN=old expired on 2021-02-03 04:05 UTC; renew it");
}

TEST_CASE("client certificates: each way of asking for them") {
  const CertificateFolder folder;
  const CertificateFolder stranger("Stranger");
  folder.sign("server", "DNS:h");
  folder.sign("friend", "DNS:prometheus.example");
  stranger.sign("stranger", "DNS:prometheus.example");
  TlsSettings foreign = client_of(folder);
  foreign.files.cert_file = stranger / "stranger.pem";
  foreign.files.key_file = stranger / "stranger.key";
  const auto gets_in = [&](PeerCertificate peer, const TlsSettings& client) {
    return client_fault(client, server_of(folder, "server", peer), "h").empty();
  };
  const TlsSettings none = client_of(folder), known = client_of(folder, "friend");
  for (const TlsSettings& any : {none, known, foreign}) {
    CHECK(gets_in(PeerCertificate::not_asked, any));
    CHECK(gets_in(PeerCertificate::asked, any));
  }
  CHECK_FALSE(gets_in(PeerCertificate::needed, none));
  CHECK(gets_in(PeerCertificate::needed, foreign));
  CHECK(gets_in(PeerCertificate::verified_if_given, none));
  CHECK(gets_in(PeerCertificate::verified_if_given, known));
  CHECK_FALSE(gets_in(PeerCertificate::verified_if_given, foreign));
  CHECK_FALSE(gets_in(PeerCertificate::needed_and_verified, none));
  CHECK_FALSE(gets_in(PeerCertificate::needed_and_verified, foreign));
  CHECK(gets_in(PeerCertificate::needed_and_verified, known));

  TlsSettings narrow = server_of(folder, "server", PeerCertificate::needed_and_verified);
  has(client_fault(none, narrow, "h"), "a client certificate is needed; set cert_file and key_file");
  has(client_fault(foreign, narrow, "h"), "does not know the issuer of our certificate");
  narrow.allowed_peers = {"other.example"};
  CHECK_FALSE(client_fault(known, narrow, "h").empty());
  narrow.allowed_peers.emplace_back("prometheus.example");
  CHECK(client_fault(known, narrow, "h") == "");
}

TEST_CASE("nothing below TLS 1.2, no renegotiation, no compression, no tickets") {
  const CertificateFolder folder;
  folder.sign("server", "DNS:h");
  for (const TlsSettings& settings : {server_of(folder), client_of(folder)}) {
    SSL_CTX* context = loaded(settings)->context->native_handle();
    CHECK(SSL_CTX_get_min_proto_version(context) == TLS1_2_VERSION);
    constexpr auto wanted = SSL_OP_NO_RENEGOTIATION | SSL_OP_NO_COMPRESSION | SSL_OP_NO_TICKET;
    CHECK((SSL_CTX_get_options(context) & wanted) == wanted);
    CHECK(SSL_CTX_get_session_cache_mode(context) == SSL_SESS_CACHE_OFF);
  }
  TlsSettings old = client_of(folder);
  old.min_version = TLS1_VERSION;
  old.max_version = TLS1_1_VERSION;
  old.ciphers = "ALL:@SECLEVEL=0";
  has(client_fault(old, server_of(folder), "h"), "no common version of TLS");
}

TEST_CASE("the time of expiry of every certificate") {
  const CertificateFolder folder;
  folder.sign("server", "DNS:h", "20200101000000Z", "20300101000000Z");
  folder.write("chain.pem", folder.read("server.pem") + folder.read("ca.pem"));
  TlsSettings settings = server_of(folder, "server", PeerCertificate::verified_if_given);
  settings.files.cert_file = folder / "chain.pem";
  const auto setup = loaded(settings);
  REQUIRE(setup->certificates.size() == 3);
  CHECK(setup->certificates[0].subject == "CN=Test CA");  // ends first
  const CertificateExpiry own{(folder / "chain.pem").string(), "server", "CN=server", 1893456000};
  CHECK(setup->certificates[1] == own);
  CHECK(setup->certificates[2].usage == "ca");
}

TEST_CASE("what is wrong with a file is said, with the file and a cure") {
  const CertificateFolder folder;
  folder.sign("server", "DNS:h");
  folder.sign("other", "DNS:h");
  const auto with = [&](const std::string& certificate, const std::string& key) {
    TlsSettings settings = server_of(folder);
    settings.files.cert_file = folder / certificate;
    settings.files.key_file = folder / key;
    return fault_of(settings);
  };
  const std::string place = folder.path.string() + "/";
  CHECK(with("none.pem", "server.key") == place + "none.pem: no such file");
  has(with("server.key", "server.key"), "it holds no certificate in PEM form (-----BEGIN CERTIFICATE-----)");
  has(with("server.pem", "server.pem"), "it holds no private key in PEM form");
  CHECK(with("server.pem", "other.key") == place + "other.key: the key does not fit the certificate in " +
                                               place + "server.pem; are both of one request?");
  folder.write("turned.pem", folder.read("ca.pem") + folder.read("server.pem"));
  has(with("turned.pem", "server.key"),
      "turned.pem: its first certificate is not the one of the key; put our own first");
  const std::string whole = folder.read("server.pem");
  folder.write("cut.pem", whole.substr(0, whole.size() / 2));
  has(with("cut.pem", "server.key"), "cut.pem: certificate 1 of it is damaged or cut off");
  folder.run("pkey -in server.key -aes256 -passout pass:x -out locked.key");
  has(with("server.pem", "locked.key"), "locked.key: the key is encrypted");
  folder.write("cut.key", folder.read("server.key").substr(0, 60));
  has(with("server.pem", "cut.key"), "cut.key: ");
  REQUIRE(::mkfifo((folder / "pipe").c_str(), 0600) == 0);
  CHECK(with("pipe", "server.key") == place + "pipe: it is not a regular file");
  has(with("large", "server.key"), "large: no such file");
  folder.write("large", std::string((1U << 20) + 1, 'x'));
  has(with("large", "server.key"), "large: it is larger than 1024 KiB");
}
