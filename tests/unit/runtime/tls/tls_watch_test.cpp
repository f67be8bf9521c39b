#include <doctest/doctest.h>

#include "runtime/tls/tls_setup.h"
#include "tests/unit/runtime/tls/test_certificates.h"

using namespace flopwatt;

TEST_CASE("a half-written pair is no product, and the whole one is another product") {
  const test::CertificateFolder folder;
  folder.sign("old", "DNS:h");
  folder.sign("new", "DNS:h");
  TlsSettings settings;
  settings.role = TlsRole::server;
  settings.files = {{}, folder / "server.pem", folder / "server.key"};
  const auto put = [&](const std::string& certificate, const std::string& key) {
    folder.write("server.pem", folder.read(certificate + ".pem"));
    folder.write("server.key", folder.read(key + ".key"));
  };
  put("old", "old");
  WatchedFiles<TlsSetup> watched = watch_tls("the test", settings);
  REQUIRE(watched.load().has_value());
  const auto first = watched.product();
  put("new", "old");
  REQUIRE(watched.load().has_value());  // the old one is still there
  CHECK(watched.product() == first);
  put("new", "new");
  REQUIRE(watched.load().has_value());
  CHECK(watched.product() != first);
  CHECK(watched.product()->certificates.front().subject == "CN=new");
}
