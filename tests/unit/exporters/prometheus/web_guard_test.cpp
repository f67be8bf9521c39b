#include "exporters/prometheus/web_guard.h"

#include <doctest/doctest.h>

#include "tests/unit/runtime/tls/test_certificates.h"

using namespace flopwatt;
using namespace flopwatt::prometheus;

namespace {

constexpr const char* user =
    "basic_auth_users: {a: $2y$10$X0h1gDsPszWURQaxFh.zoubFi6DXncSjhoQNJgRrnGs7EsimhC7zG}\n";

std::string tls_section(const std::string& more = "") {
  return "tls_server_config: {cert_file: server.pem, key_file: server.key" + more + "}\n";
}

// promtool's verdict, by exporter-toolkit itself.
bool promtool_takes(const test::CertificateFolder& folder) {
  const std::string command =
      "promtool check web-config " + (folder / "web.yml").string() + " >/dev/null 2>&1";
  return std::system(command.c_str()) == 0;
}

}  // namespace

TEST_CASE("promtool check web-config agrees on what is good and what is wrong") {
  REQUIRE(std::system("promtool --version >/dev/null 2>&1") == 0);
  const test::CertificateFolder folder;
  folder.sign("server", "DNS:h");
  folder.sign("other", "DNS:h");
  const std::string ca = ", client_ca_file: ca.pem";
  const std::vector<std::string> good = {
      "",
      user,
      tls_section(),
      tls_section() + user,
      tls_section(ca + ", client_auth_type: RequireAndVerifyClientCert"),
      tls_section(ca + ", client_auth_type: VerifyClientCertIfGiven"),
      tls_section(", client_auth_type: RequestClientCert"),
      tls_section(", client_auth_type: RequireAnyClientCert"),
      tls_section(", client_auth_type: NoClientCert, prefer_server_cipher_suites: false"),
      tls_section(", min_version: TLS12, max_version: TLS13, curve_preferences: [CurveP256, X25519]"),
      tls_section(", cipher_suites: [TLS_ECDHE_ECDSA_WITH_AES_128_GCM_SHA256]"),
      tls_section(", min_version: TLS10"),
      tls_section() +
          "http_server_config: {http2: true, headers: {X-Frame-Options: sameorigin, Content-Security-Policy: "
          "a}}\n",
      "http_server_config: {headers: {X-Content-Type-Options: nosniff, X-XSS-Protection: \"1\"}}\n"};
  const std::vector<std::string> wrong = {
      "tls: {}\n",
      "tls_server_config: {cert_file: server.pem}\n",
      "tls_server_config: {key_file: server.key}\n",
      "tls_server_config: {cert_file: none.pem, key_file: server.key}\n",
      "tls_server_config: {cert_file: server.pem, key_file: other.key}\n",
      "tls_server_config: {cert_file: server.key, key_file: server.key}\n",
      tls_section(ca),
      tls_section(", client_auth_type: Always"),
      tls_section(", cipher_suites: [NULL-MD5]"),
      tls_section(", curve_preferences: [P-256]"),
      tls_section(", min_version: SSL30"),
      tls_section(", cert_file: a"),
      tls_section(", client_ca_file: none.pem, client_auth_type: RequireAndVerifyClientCert"),
      tls_section() + "http_server_config: {headers: {X-Frame-Options: allow}}\n",
      "http_server_config: {headers: {X-Powered-By: a}}\n",
      "basic_auth_users: {a: secret}\n",
      "- a\n",
      "a: [\n"};
  for (const std::string& text : good) {
    CAPTURE(text);
    folder.write("web.yml", text);
    const auto made = load_web_guard(folder / "web.yml");
    CHECK_MESSAGE(made.product.has_value(), (made.product ? "" : made.product.error().message));
    CHECK(promtool_takes(folder));
  }
  for (const std::string& text : wrong) {
    CAPTURE(text);
    folder.write("web.yml", text);
    CHECK_FALSE(load_web_guard(folder / "web.yml").product.has_value());
    CHECK_FALSE(promtool_takes(folder));
  }
}

TEST_CASE("the guard looks at all files that it was made of") {
  const test::CertificateFolder folder;
  folder.sign("server", "DNS:h");
  folder.write("web.yml",
               tls_section(", client_ca_file: ca.pem, client_auth_type: RequireAndVerifyClientCert"));
  const auto made = load_web_guard(folder / "web.yml");
  REQUIRE(made.product.has_value());
  CHECK((*made.product)->tls->certificates.size() == 2);
  std::vector<std::string> names;
  for (const SeenFile& file : made.files) names.push_back(file.path.filename().string());
  CHECK(names == std::vector<std::string>{"web.yml", "server.pem", "server.key", "ca.pem"});
}

TEST_CASE("`check` tells what is wrong with certificates at the place of their section") {
  const test::CertificateFolder folder;
  folder.sign("server", "DNS:h", "20200101000000Z", "20210101000000Z");
  folder.write("web.yml", "\n" + tls_section());
  auto findings = check_web_certificates(folder / "web.yml");
  REQUIRE(findings.size() == 1);
  const std::string place = (folder / "web.yml").string() + ":2:20: ";
  CHECK(findings.front().text() ==
        place + "warning: " + (folder / "server.pem").string() +
            ": the certificate CN=server expired on 2021-01-01 00:00 UTC; renew it");
  std::filesystem::remove(folder / "server.key");
  findings = check_web_certificates(folder / "web.yml");
  REQUIRE(findings.size() == 1);
  CHECK(findings.front().text() == place + (folder / "server.key").string() + ": no such file");
  CHECK(check_web_certificates("").empty());
}

TEST_CASE("a file that guards less is not taken up by itself") {
  WebGuard open, users, tls, clients;
  users.config.users = {{"a", "hash"}};
  tls.config.tls.emplace();
  tls.tls = std::make_shared<TlsSetup>();
  clients = tls;
  clients.config.tls->client_auth = ClientAuth::require_and_verify;
  CHECK(missing_guard(open, open).empty());
  CHECK(missing_guard(users, open).empty());
  CHECK(missing_guard(clients, tls).empty());
  CHECK(missing_guard(open, users) == "basic_auth_users");
  CHECK(missing_guard(open, tls) == "tls_server_config");
  CHECK(missing_guard(tls, clients) == "client_auth_type");
  CHECK(missing_guard(users, tls) == "tls_server_config");
  WebGuard named = clients;
  named.config.tls->client_allowed_sans = {"prometheus.example"};
  CHECK(missing_guard(named, clients).empty());
  CHECK(missing_guard(clients, named) == "client_allowed_sans");
  WebGuard of_authority = clients;
  of_authority.config.tls->client_ca_file = "ca.pem";
  CHECK(missing_guard(clients, of_authority) == "client_ca_file");
  WebGuard newest = tls;
  newest.config.tls->min_version = TlsVersion::tls13;
  CHECK(missing_guard(tls, newest) == "min_version");
}
