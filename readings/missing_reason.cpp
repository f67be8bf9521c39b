#include "readings/missing_reason.h"

#include <algorithm>
#include <array>

namespace flopwatt {
namespace {

struct MissingRow {
  MissingReason reason;
  std::string_view name, words;
};

constexpr auto missing_rows = std::to_array<MissingRow>({
    {MissingReason::none, "", ""},
    {MissingReason::starting, "starting", "the agent has not run for long enough to fill the window"},
    {MissingReason::no_work, "no_work", "no work was done in the window"},
    {MissingReason::meter_stale, "meter_stale", "a meter of the scope gives no readings now"},
    {MissingReason::accelerator_stale, "accelerator_stale",
     "an accelerator of the scope gives no readings now"},
    {MissingReason::coverage, "coverage", "energy and work are known together over too little of the window"},
    {MissingReason::resolution, "resolution",
     "the energy of the window is below what the meter's register resolves"},
    {MissingReason::lumps, "lumps", "fewer than three reports of counted work lie in the window"},
    {MissingReason::contradiction, "contradiction",
     "two measurements of the scope's energy contradict each other"},
    {MissingReason::implausible, "implausible", "power readings of the window are beyond what is plausible"},
    {MissingReason::method, "method", "the method knows the work of too little of the window"},
    {MissingReason::restart, "restart", "the agent was down during too much of the window"},
    {MissingReason::uncertainty, "uncertainty", "the uncertainty is as large as the figure itself"},
});

const MissingRow& row_of(MissingReason reason) {
  return *std::ranges::find(missing_rows, reason, &MissingRow::reason);
}

}  // namespace

std::string_view name_of(MissingReason reason) { return row_of(reason).name; }

std::string_view explanation_of(MissingReason reason) { return row_of(reason).words; }

bool is_fault(MissingReason reason) {
  return reason != MissingReason::none && reason != MissingReason::no_work &&
         reason != MissingReason::starting;
}

}  // namespace flopwatt
