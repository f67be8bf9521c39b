#include "drivers/modbus/wire/exceptions.h"

#include <doctest/doctest.h>

#include <string>
#include <vector>

using namespace flopwatt;
using namespace flopwatt::modbus;

namespace {

struct Expected {
  int code;
  RequestStep request;
  bool unit_answered;
  UnitState unit;
  std::string text;  // meaning and advice begin with it
};

Fault coded_fault(int code) { return {FaultClass::exception, "", code}; }

}  // namespace

TEST_CASE("what follows from each exception") {
  using enum RequestStep;
  using enum UnitState;
  const std::vector<Expected> table = {
      {1, leave_out, true, misconfigured, "the device does not know this function: set `function`"},
      {2, split, true, misconfigured, "the device has no such registers: compare the profile"},
      {3, split, true, misconfigured, "the device refuses this number of registers: lower max_registers"},
      {4, repeat, true, failing, "the device reports a failure: see its own display"},
      {5, RequestStep::wait, true, failing, "the device is busy: make its interval longer"},
      {6, RequestStep::wait, true, failing, "the device is busy: make its interval longer"},
      {7, repeat, true, failing, "the device reports a failure: see its own display"},
      {8, repeat, true, failing, "the device reports a failure: see its own display"},
      {9, repeat, true, failing, "the device reports a failure: see its own display"},
      {10, later, false, misconfigured, "the gateway has no path to this unit: check unit_id"},
      {11, later, false, silent, "the unit behind the gateway does not answer: check unit_id"},
      {99, repeat, true, failing, "the device reports a failure: see its own display"},
  };
  for (const Expected& row : table) {
    CAPTURE(row.code);
    const Fault fault = coded_fault(row.code);
    const Consequences* found = consequences_of(fault);
    REQUIRE(found != nullptr);
    CHECK(found->request == row.request);
    CHECK(found->unit_answered == row.unit_answered);
    CHECK(unit_refused(fault) == row.unit_answered);
    CHECK(found->unit == row.unit);
    CHECK((std::string(found->meaning) + ": " + std::string(found->advice)).starts_with(row.text));
    for (const RequestStep step : {leave_out, split, RequestStep::wait, repeat, later})
      CHECK(calls_for(step, fault) == (step == row.request));
  }
}

TEST_CASE("a fault of another class is no exception, whatever its code") {
  for (const FaultClass fault_class : all_fault_classes) {
    if (fault_class == FaultClass::exception) continue;
    const Fault fault{fault_class, "", 2};
    CHECK(consequences_of(fault) == nullptr);
    CHECK_FALSE(unit_refused(fault));
    CHECK_FALSE(calls_for(RequestStep::split, fault));
  }
}
