#include "config/web/web_config.h"

#include <doctest/doctest.h>

using namespace flopwatt;

namespace {

constexpr const char* hash = "$2y$10$X0h1gDsPszWURQaxFh.zoubFi6DXncSjhoQNJgRrnGs7EsimhC7zG";

struct ReadWeb {
  explicit ReadWeb(const std::string& text) {
    Reporter report(findings, "web.yml");
    config = read_web_config(text, "/etc/flopwatt", report);
    for (const Finding& finding : findings) told += finding.text() + "\n";
  }

  std::vector<Finding> findings;
  WebConfig config;
  std::string told;
};

}  // namespace

TEST_CASE("a web configuration with all that exporter-toolkit knows") {
  const ReadWeb web(std::string(R"(tls_server_config:
  cert_file: tls/server.pem
  key_file: /run/server.key
  client_auth_type: RequireAndVerifyClientCert
  client_ca_file: ca.pem
  client_allowed_sans: [prometheus.example]
  cipher_suites: [TLS_ECDHE_ECDSA_WITH_AES_128_GCM_SHA256, TLS_AES_128_GCM_SHA256]
  curve_preferences: [X25519, CurveP256]
  min_version: TLS12
  max_version: TLS13
  prefer_server_cipher_suites: false
http_server_config:
  http2: false
  headers: {X-Frame-Options: deny, Strict-Transport-Security: max-age=31536000}
basic_auth_users:
  alice: )") + hash +
                    "\n");
  CHECK(web.told == "");
  REQUIRE(web.config.tls.has_value());
  const WebTls& tls = *web.config.tls;
  CHECK(tls.cert_file == "/etc/flopwatt/tls/server.pem");
  CHECK(tls.key_file == "/run/server.key");
  CHECK(tls.client_ca_file == "/etc/flopwatt/ca.pem");
  CHECK(tls.client_auth == ClientAuth::require_and_verify);
  CHECK(tls.client_allowed_sans == std::vector<std::string>{"prometheus.example"});
  CHECK(tls.cipher_suites.size() == 2);
  CHECK(tls.curve_preferences == std::vector<std::string>{"X25519", "CurveP256"});
  CHECK_FALSE(tls.prefer_server_cipher_suites);
  CHECK(web.config.users.at("alice") == hash);
  REQUIRE(web.config.headers.size() == 2);
  CHECK(web.config.headers[0].second == "max-age=31536000");
}

TEST_CASE("an empty web configuration guards nothing, and defaults are exporter-toolkit's") {
  for (const char* text : {"", "{}\n", "http_server_config: {http2: false}\n"}) {
    CHECK_FALSE(ReadWeb(text).config.tls.has_value());
    CHECK(ReadWeb(text).told.find("whoever reaches the port reads everything") != std::string::npos);
  }
  const ReadWeb web("tls_server_config: {cert_file: a, key_file: b}\n");
  CHECK(web.told == "");
  CHECK(web.config.tls->min_version == TlsVersion::tls12);
  CHECK(web.config.tls->max_version == TlsVersion::tls13);
  CHECK(web.config.tls->client_auth == ClientAuth::none);
  CHECK(web.config.tls->prefer_server_cipher_suites);
}

TEST_CASE("each fault of a web configuration has its place and a cure; all are told at once") {
  const auto told = [](const std::string& text) { return ReadWeb(text).told; };
  CHECK(told("tls_server_config: {cert_file: a, kee_file: b}\n") ==
        "web.yml:1:35: unknown key 'kee_file' in tls_server_config; did you mean 'key_file'?\n"
        "web.yml:1:20: tls_server_config needs the key 'key_file'\n");
  CHECK(
      told("tls_server_config: {cert_file: a, key_file: b, client_auth_type: Always, min_version: SSL3}\n") ==
      "web.yml:1:66: client_auth_type: 'Always'; write NoClientCert, RequestClientCert, "
      "RequireAnyClientCert, "
      "VerifyClientCertIfGiven or RequireAndVerifyClientCert\n"
      "web.yml:1:87: min_version: 'SSL3'; write TLS12 or TLS13\n");
  CHECK(told("tls_server_config: {cert_file: a, key_file: b, client_ca_file: c}\n") ==
        "web.yml:1:20: client_ca_file: it has no use without client_auth_type; add client_auth_type: "
        "RequireAndVerifyClientCert\n");
  CHECK(told("tls_server_config: {cert_file: a, key_file: b, min_version: TLS13, max_version: TLS12}\n") ==
        "web.yml:1:20: min_version is above max_version\n");
  CHECK(told("tls_server_config: {cert_file: a, key_file: b, min_version: TLS10}\n") ==
        "web.yml:1:61: warning: min_version: nothing below TLS12 is offered\n");
  CHECK(told("http_server_config: {headers: {X-Frame-Options: allow}}\n")
            .starts_with("web.yml:1:49: X-Frame-Options: write deny or sameorigin\n"));
  CHECK(told("http_server_config: {headers: {X-Powered-By: a}}\n")
            .starts_with("web.yml:1:32: unknown key 'X-Powered-By' in headers"));
  CHECK(told("http_server_config: {http2: true}\n").find("warning: http2: HTTP/2 is not offered") !=
        std::string::npos);
  CHECK(told("tls: {}\n").starts_with("web.yml:1:1: unknown key 'tls' in the web configuration"));
  CHECK(told("basic_auth_users: {a: secret}\n")
            .starts_with("web.yml:1:20: basic_auth_users: write a bcrypt hash of the password"));
  const std::string costly = std::string(hash).replace(4, 2, "20");
  CHECK(told("basic_auth_users: {a: " + costly + "}\n").find("a cost of 20 takes longer") !=
        std::string::npos);
  CHECK(told("basic_auth_users: {\"a:b\": " + std::string(hash) + "}\n").find("no colon") !=
        std::string::npos);
  CHECK(told("basic_auth_users: {a: " + std::string(hash) + "}\n") ==
        "web.yml:1:1: warning: basic_auth_users: without tls_server_config passwords travel in plain text\n");
}
