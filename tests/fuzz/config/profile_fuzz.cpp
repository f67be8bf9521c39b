// Any text as a meter profile: refused with findings that have a place, or taken, and then each number that
// it names is in one request that its limits allow.
#include <cstddef>
#include <cstdint>
#include <string>
#include <vector>

#include "check_profile.h"
#include "config/profiles/read_profile.h"

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  using namespace flopwatt;
  std::vector<Finding> findings;
  Reporter report(findings, "profile.yml");
  const auto profile = read_profile(std::string(data, data + size), "profile", report);
  fuzz::check_findings(findings);
  fuzz::require(profile.has_value() == findings.empty());
  if (profile) fuzz::check_profile(*profile);
  return 0;
}
