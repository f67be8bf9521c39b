#include "exporters/mqtt/guard/connack.h"

#include <doctest/doctest.h>

#include <string>

using namespace flopwatt::mqtt;
using namespace std::string_literals;

namespace {

// A CONNACK of MQTT 5 with reason code 0x9d.
std::string refusing(const std::string& properties) {
  return "\x20"s + static_cast<char>(properties.size() + 3) + "\0\x9d"s +
         static_cast<char>(properties.size()) + properties;
}

}  // namespace

TEST_CASE("the server that a CONNACK names is found behind every other property") {
  const std::string before =
      "\x11\0\0\0\1\x21\0\1\x24\1\x25\1\x27\0\0\1\0\x12\0\1c\x22\0\1\x1f\0\2no"
      "\x26\0\1a\0\1b\x28\1\x29\1\x2a\1\x13\0\x1e\x1a\0\1r\x15\0\1m\x16\0\1d"s;
  CHECK(server_reference_of(refusing(before + "\x1c\0\3new"s)) == "new");
  CHECK(server_reference_of(refusing("\x1c\0\3new"s + before)) == "new");
  CHECK(server_reference_of(refusing(before)).empty());
}

TEST_CASE("what holds no whole CONNACK names no server") {
  const std::string whole = refusing("\x1c\0\3new"s);
  for (std::size_t length = 0; length < whole.size(); ++length)
    CHECK(server_reference_of(whole.substr(0, length)).empty());
  CHECK(server_reference_of("\x20\x02\0\x05"s).empty());  // 3.1.1
  CHECK(server_reference_of(refusing("\x1c\0\x09new"s)).empty());
  CHECK(server_reference_of(refusing("\x7f\0\3new"s)).empty());
  CHECK(server_reference_of("HTTP/1.1 400").empty());
}

TEST_CASE("a name with control characters forges no log line") {
  CHECK(server_reference_of(refusing("\x1c\0\5a\nb\x1b\xff"s)) == "a b\ufffd");
}
