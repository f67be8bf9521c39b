#include "readings/register_verdict.h"

#include <doctest/doctest.h>

#include "readings/contradictions.h"
#include "readings/short_text.h"

using namespace flopwatt;

namespace {

bool says(const std::string& text, const std::string& part) { return text.find(part) != std::string::npos; }

RegisterFigures meter(RegisterVerdict verdict, double register_joules, double power_joules) {
  return {"pdu-a", SourceKind::meter, verdict, absent, {register_joules, power_joules, 62.2}};
}

}  // namespace

TEST_CASE("a contradiction has both figures, the factor and what to check") {
  const auto text = [](double ratio) {
    return explanation_of(meter(RegisterVerdict::contradicts, 360'000 * ratio, 360'000));
  };
  CHECK(says(text(1000),
             "over 62.2 s the energy register tells 100 kWh, the power readings 100 Wh (1000 times)"));
  CHECK(says(text(1000), "Is its unit Wh where kWh is configured"));
  CHECK(says(text(0.001), "(0.001 times)"));
  CHECK(says(text(0.001), "Is its unit kWh where Wh is configured"));
  CHECK(says(text(65536), "`word_order`"));
  CHECK(says(text(3), "Check unit, type and word_order"));
  CHECK(says(explanation_of(meter(RegisterVerdict::contradicts, 360'000, 0)), "word_order"));
  CHECK_FALSE(says(explanation_of(meter(RegisterVerdict::contradicts, 360'000, 0)), "times"));
}

TEST_CASE("each verdict has words of its own, in the log too") {
  ScopeFigures scope;
  const auto heading = [&](RegisterVerdict verdict) {
    scope.registers = {meter(verdict, 1, 1)};
    const auto all = contradictions_of(scope);
    return all.empty() ? std::string() : std::string(all.front().what);
  };
  CHECK(heading(RegisterVerdict::agrees).empty());
  CHECK(says(heading(RegisterVerdict::stands_still), "does not move"));
  CHECK(says(heading(RegisterVerdict::differs), "differ"));
  CHECK(says(heading(RegisterVerdict::contradicts), "contradict each other"));
  CHECK_FALSE(says(heading(RegisterVerdict::stands_still), "contradict"));
}

TEST_CASE("an accelerator's counter is told in joules, and no unit is blamed") {
  RegisterFigures gpu = meter(RegisterVerdict::contradicts, 3000, 9000);
  gpu.kind = SourceKind::accelerator;
  CHECK(says(explanation_of(gpu), "3 kJ, the power readings 9 kJ (0.333 times)"));
  CHECK_FALSE(says(explanation_of(gpu), "kWh"));
}

TEST_CASE("numbers in messages have three digits and a prefix") {
  CHECK(with_unit(1400, "Wh") == "1.4 kWh");
  CHECK(with_unit(-350, "W") == "-350 W");
  CHECK(with_unit(999.7, "W") == "1 kW");
  CHECK(with_unit(0, "J") == "0 J");
  CHECK(with_unit(3.6e9, "J") == "3.6 GJ");
  CHECK(three_digits(1000) == "1000");
  CHECK(three_digits(65536) == "65536");
  CHECK(three_digits(0.00103) == "0.00103");
}
