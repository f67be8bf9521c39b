#include "agent/daemon/descriptors.h"

#include <sys/resource.h>

#include <algorithm>
#include <set>
#include <string>

#include "runtime/log.h"

namespace flopwatt::daemon {
namespace {

// Store, log, loops, guests, brokers, serial lines and name look-ups; 30 to 45 were counted on large racks.
constexpr std::size_t of_the_rest = 64;
constexpr std::size_t fewest = 8, most = 256;

}  // namespace

std::size_t meter_connections(const Config& config) {
  std::set<std::string> addresses;
  for (const MeterConfig& meter : config.meters)
    if (meter.address.port != 0) addresses.insert(meter.address.text());
  return addresses.size();
}

std::size_t http_connections(std::uint64_t descriptors, std::size_t meters) {
  const std::uint64_t taken = of_the_rest + meters;
  if (descriptors <= taken) return fewest;
  return static_cast<std::size_t>(std::clamp<std::uint64_t>(descriptors - taken, fewest, most));
}

std::size_t http_connections(const Config& config) {
  rlimit limit{};
  if (::getrlimit(RLIMIT_NOFILE, &limit) != 0) return most;
  const std::size_t meters = meter_connections(config);
  const std::size_t connections = http_connections(limit.rlim_cur, meters);
  if (connections < most)
    log::warn("file descriptors are short: fewer HTTP connections are served; raise LimitNOFILE=",
              {{"descriptors", std::to_string(limit.rlim_cur)},
               {"meter_connections", std::to_string(meters)},
               {"http_connections", std::to_string(connections)}});
  return connections;
}

}  // namespace flopwatt::daemon
