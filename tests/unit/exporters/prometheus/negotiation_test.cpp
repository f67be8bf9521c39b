#include "exporters/prometheus/negotiation.h"

#include <doctest/doctest.h>

#include <string>

using namespace flopwatt::prometheus;

TEST_CASE("OpenMetrics where the client names it and likes the classic text no better") {
  for (const char* accept :
       {"application/openmetrics-text;version=1.0.0,application/openmetrics-text;version=0.0.1;q=0.75,"
        "text/plain;version=0.0.4;q=0.5,*/*;q=0.1",  // Prometheus 2.42
        "application/openmetrics-text;version=1.0.0;escaping=allow-utf-8;q=0.6,"
        "application/openmetrics-text;version=0.0.1;q=0.5,text/"
        "plain;version=1.0.0;escaping=allow-utf-8;q=0.4,"
        "text/plain;version=0.0.4;q=0.3,*/*;q=0.2",  // Prometheus 3
        "application/openmetrics-text; version=1.0.0; charset=utf-8", "application/openmetrics-text",
        "Application/OpenMetrics-Text;VERSION=\"1.0.0\"", "text/plain, application/openmetrics-text",
        "text/plain;version=0.0.5,application/openmetrics-text;q=0.1",
        ",,application/openmetrics-text;q=0.001,,"}) {
    CAPTURE(accept);
    CHECK(choose_format(accept) == PageFormat::openmetrics);
  }
}

TEST_CASE("the classic text for everybody else") {
  for (const char* accept :
       {"", "*/*", "text/plain", "text/html,application/xhtml+xml,application/xml;q=0.9,*/*;q=0.8",
        "application/json", "application/openmetrics-text;version=0.0.1",
        "application/openmetrics-text;version=2.0.0", "application/openmetrics-text;q=0",
        "application/openmetrics-text;q=0.4,text/plain;version=0.0.4;q=0.5",
        "application/openmetrics-text;q=0.4,text/*;q=0.5", "application/openmetrics-text;q=0.4,*/*;q=0.5",
        "application/openmetrics-text;q=2", "application/openmetrics-text;q=",
        "application/openmetrics-text;q=nan", "application/openmetrics-text2", ";;;,=,;q=1"}) {
    CAPTURE(accept);
    CHECK(choose_format(accept) == PageFormat::classic);
  }
}

TEST_CASE("what is named more exactly decides over a wildcard") {
  CHECK(choose_format("application/openmetrics-text;q=0.4,text/plain;q=0.3,*/*;q=0.9") ==
        PageFormat::openmetrics);
}

TEST_CASE("gzip where the client takes it") {
  for (const char* encoding : {"gzip", "GZip", "x-gzip", "deflate, gzip;q=1.0, *;q=0.5", "*", "br, *;q=0.1",
                               "gzip;q=0.5, identity;q=0.5", "gzip ; q=0.001"}) {
    CAPTURE(encoding);
    CHECK(accepts_gzip(encoding));
  }
  for (const char* encoding :
       {"", "identity", "br", "gzip;q=0", "gzip;q=0, *", "*;q=0", "gzip;q=0.5, identity", "gzipped"}) {
    CAPTURE(encoding);
    CHECK_FALSE(accepts_gzip(encoding));
  }
}
