// When a certificate that the agent uses ends, for a series: an expired one stops delivery or scrapes at night.
#pragma once

#include <cstdint>
#include <string>

namespace flopwatt {

struct CertificateExpiry {
  std::string file;                 ///< as configured
  std::string usage;                ///< "ca", or the end that shows it: "server", "client"
  std::string subject;              ///< "CN=broker.example"; no control characters
  std::int64_t expires_wall_s = 0;  ///< its last second, since 1970

  bool operator==(const CertificateExpiry&) const = default;
};

}  // namespace flopwatt
