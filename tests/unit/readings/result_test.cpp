#include "readings/result.h"

#include <doctest/doctest.h>

#include <memory>
#include <set>
#include <string>

using namespace flopwatt;

TEST_CASE("a result is a value or a fault") {
  Result<int> good = 7;
  REQUIRE(good);
  CHECK(*good == 7);
  *good = 8;
  CHECK(good.value() == 8);

  const Result<int> bad = Fault{FaultClass::timeout, "no answer from x within 1 s"};
  REQUIRE_FALSE(bad);
  CHECK(bad.error().fault_class == FaultClass::timeout);
  CHECK(bad.error().message == "no answer from x within 1 s");
}

TEST_CASE("taking the wrong side is a bug and throws") {
  Result<int> good = 7;
  Result<int> bad = Fault{};
  CHECK_THROWS_AS((void)good.error(), std::bad_variant_access);
  CHECK_THROWS_AS((void)bad.value(), std::bad_variant_access);
}

TEST_CASE("a result may hold what can only be moved, and an error of another type") {
  Result<std::unique_ptr<int>> result = std::make_unique<int>(3);
  const std::unique_ptr<int> taken = std::move(result).value();
  CHECK(*taken == 3);
  const Result<Done, int> failed = 5;
  CHECK(failed.error() == 5);
  CHECK(Result<std::string, int>(std::string("x"))->size() == 1);
}

TEST_CASE("every fault class has a name of its own") {
  std::set<std::string_view> names;
  for (const FaultClass fault : all_fault_classes) CHECK(names.insert(name_of(fault)).second);
  CHECK(names ==
        std::set<std::string_view>{"timeout", "crc", "exception", "protocol", "connection", "device"});
}
