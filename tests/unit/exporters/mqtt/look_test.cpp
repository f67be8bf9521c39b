#include "exporters/mqtt/look.h"

#include <doctest/doctest.h>

using namespace flopwatt;
using namespace flopwatt::mqtt;
using namespace std::string_view_literals;

TEST_CASE("the first bytes of an answer say what answers") {
  CHECK(answerer_of("\x15\x03\x03\x00\x02\x02\x46"sv) == Answerer::tls);
  CHECK(answerer_of("\x16\x03\x01"sv) == Answerer::tls);
  CHECK(answerer_of("HTTP/1.1 400 Bad Request\r\n") == Answerer::web);
  CHECK(answerer_of("\x20\x02\x00\x01"sv) == Answerer::broker);
  CHECK(answerer_of("SSH-2.0-OpenSSH_9.2") == Answerer::other);
  CHECK(answerer_of("") == Answerer::closes);
}
