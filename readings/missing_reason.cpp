#include "readings/missing_reason.h"

#include <algorithm>
#include <array>

namespace flopwatt {
namespace {

using enum MissingReason;

struct MissingRow {
  MissingReason reason;
  std::string_view name, words;
};

constexpr auto missing_rows = std::to_array<MissingRow>({
    {none, "", ""},
    {starting, "starting", "the agent has not run for long enough to fill the window"},
    {no_work, "no_work", "no work was done in the window"},
    {meter_stale, "meter_stale", "a meter of the scope gives no readings now"},
    {accelerator_stale, "accelerator_stale", "an accelerator of the scope gives no readings now"},
    {coverage, "coverage", "energy and work are known together over too little of the window"},
    {resolution, "resolution", "the energy of the window is below what the meter's register resolves"},
    {lumps, "lumps", "fewer than three reports of counted work lie in the window"},
    {contradiction, "contradiction", "two measurements of the scope's energy contradict each other"},
    {implausible, "implausible", "power readings of the window are beyond what is plausible"},
    {method, "method", "the method knows the work of too little of the window"},
    {restart, "restart", "the agent was down during too much of the window"},
    {uncertainty, "uncertainty", "the uncertainty is as large as the figure itself"},
});

const MissingRow& row_of(MissingReason reason) {
  return *std::ranges::find(missing_rows, reason, &MissingRow::reason);
}

}  // namespace

std::string_view name_of(MissingReason reason) { return row_of(reason).name; }

std::string_view explanation_of(MissingReason reason) { return row_of(reason).words; }

bool is_fault(MissingReason reason) { return reason != none && reason != no_work && reason != starting; }

}  // namespace flopwatt
