// Any text as a web configuration. Whatever it holds, it is either taken, and then keeps the promises that the endpoint
// relies on, or refused with a finding that has a place.
#include <cstddef>
#include <cstdint>
#include <cstdlib>
#include <string>
#include <vector>

#include "config/web/web_config.h"

namespace {

using namespace flopwatt;

void demand(bool holds) {
  if (!holds) std::abort();
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  std::vector<Finding> findings;
  Reporter report(findings, "web.yml");
  const WebConfig config = read_web_config(std::string(data, data + size), "/etc/flopwatt", report);
  for (const Finding& finding : findings)
    demand(finding.line >= 1 && finding.column >= 1 && !finding.message.empty());
  if (report.error_count() != 0) return 0;
  if (config.tls) demand(!config.tls->cert_file.empty() && !config.tls->key_file.empty());
  if (config.tls) demand(config.tls->min_version <= config.tls->max_version);
  for (const auto& [name, hash] : config.users) demand(!name.empty() && hash.size() == 60);
  for (const auto& [name, value] : config.headers) demand(value.find_first_of("\r\n") == std::string::npos);
  return 0;
}
