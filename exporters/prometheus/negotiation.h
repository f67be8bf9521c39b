// What a client takes, from the headers of its request (RFC 9110, section 12). Pure.
#pragma once

#include <string_view>

#include "exporters/prometheus/page_writer.h"

namespace flopwatt::prometheus {

/// OpenMetrics where the client names it (version 1.0.0, or none) and likes the classic text no better; else
/// the classic text, which every client of such a page reads. So a browser gets text, and Prometheus, which
/// sends `application/openmetrics-text;version=1.0.0,…,text/plain;version=0.0.4;q=0.5`, OpenMetrics.
[[nodiscard]] PageFormat choose_format(std::string_view accept);

/// Whether Accept-Encoding allows gzip, and nothing better than it by the client's own weights.
[[nodiscard]] bool accepts_gzip(std::string_view accept_encoding);

}  // namespace flopwatt::prometheus
