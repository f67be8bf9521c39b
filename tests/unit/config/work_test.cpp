#include <doctest/doctest.h>
#include <unistd.h>

#include <filesystem>
#include <fstream>

#include "config/load.h"
#include "config/parse_address.h"
#include "tests/unit/config/shipped_vendors.h"

using namespace flopwatt;
namespace fs = std::filesystem;

namespace {

WorkConfig load_work(const std::string& text) {
  const fs::path file = fs::temp_directory_path() / ("flopwatt-work-" + std::to_string(getpid()) + ".yml");
  std::ofstream(file) << text;
  const Loaded loaded = load_config(file, {{}, fs::path(FLOPWATT_SOURCE_DIR) / "config/accelerators.yml"},
                                    {test::shipped_vendors, {}});
  fs::remove(file);
  REQUIRE_FALSE(loaded.has_errors());
  return loaded.config.work;
}

}  // namespace

TEST_CASE("counted work: sockets as they are written, none by default") {
  CHECK(load_work("{}").statsd.empty());
  CHECK(load_work("work: {}").statsd.empty());
  CHECK(load_work("work: {statsd: off}").statsd.empty());
  const WorkConfig work = load_work(R"(work:
  statsd:
    - {address: "unix:///run/flopwatt/work.sock", group: flopwatt-work, mode: "0660"}
    - {address: "unix:///run/other.sock", mode: "666"}
    - {address: "udp://127.0.0.1"}
    - {address: "udp://[::1]:9125"}
)");
  REQUIRE(work.statsd.size() == 4);
  CHECK(work.statsd[0].kind == StatsdConfig::Kind::unix_datagram);
  CHECK(work.statsd[0].path == "/run/flopwatt/work.sock");
  CHECK(work.statsd[0].group == "flopwatt-work");
  CHECK(work.statsd[0].mode == 0660U);
  CHECK(work.statsd[0].text() == "unix:///run/flopwatt/work.sock");
  CHECK(work.statsd[1].mode == 0666U);
  CHECK_FALSE(work.statsd[2].mode);
  CHECK(work.statsd[2].kind == StatsdConfig::Kind::udp);
  CHECK(work.statsd[2].text() == "udp://127.0.0.1:8125");
  CHECK(work.statsd[3].host == "::1");
  CHECK(work.statsd[3].port == 9125);
}
