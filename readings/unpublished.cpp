#include "readings/unpublished.h"

#include <algorithm>
#include <array>

namespace flopwatt {
namespace {

using PlaceKind::whole, PlaceKind::phase, PlaceKind::branch;

// Reasons that several rows share.
constexpr std::string_view only_whole = "of a phase; only that of the whole meter is kept, where it has one";
constexpr std::string_view of_branches = "of branches, power, current and energy are kept";
constexpr std::string_view a_mean = "a mean that follows from the phases";
constexpr std::string_view a_sum = "a sum of the currents of the phases, which are read";
constexpr std::string_view tariffs =
    "of one tariff, and tariffs are never summed; a register of all tariffs is read where there is one";
constexpr std::string_view no_import = "import less export is no import";
constexpr std::string_view no_split = "the sum of import and export is no import";
constexpr std::string_view one_direction = "power is published with its sign, as import less export";
constexpr std::string_view reactive_energy = "reactive energy is not accounted";
constexpr std::string_view scales_others = "scales other registers, see scaled_by";
constexpr std::string_view behind_rectifier =
    "what flows out of the rectifier; the scope pays for what flows in";
constexpr std::string_view instant = "the same as of the whole, over a shorter time";
constexpr std::string_view peak = "a peak since a time that the device chooses";
constexpr std::string_view health = "about the device, not about energy";
constexpr std::string_view inventory = "says how large the device is, measures nothing";

// clang-format off: one row is one line
constexpr auto unpublished_rows = std::to_array<UnpublishedRow>({
    {"active_power", whole, "ac_in_instant", "W", instant},
    {"active_power", whole, "dc_out", "W", behind_rectifier},
    {"active_power_import", whole, "", "W", one_direction},
    {"active_power_import", phase, "", "W", one_direction},
    {"active_power_export", whole, "", "W", one_direction},
    {"active_power_export", phase, "", "W", one_direction},
    {"apparent_power", phase, "", "VA", only_whole},
    {"apparent_power", branch, "", "VA", of_branches},
    {"reactive_power", phase, "", "var", only_whole},
    {"reactive_power", branch, "", "var", of_branches},
    {"reactive_power_import", whole, "", "var", one_direction},
    {"reactive_power_import", phase, "", "var", one_direction},
    {"reactive_power_export", whole, "", "var", one_direction},
    {"reactive_power_export", phase, "", "var", one_direction},
    {"power_factor", phase, "", "1", only_whole},
    {"power_factor", branch, "", "1", of_branches},
    {"frequency", phase, "", "Hz", "the line has one frequency"},
    {"frequency", branch, "", "Hz", "the line has one frequency"},
    {"voltage", branch, "", "V", of_branches},
    {"voltage", whole, "avg_ln", "V", a_mean},
    {"voltage", whole, "avg_ll", "V", "a mean that follows from the voltages between lines"},
    {"voltage", whole, "system", "V", "one number for three phases; the phases are read"},
    {"voltage", whole, "dc_out", "V", behind_rectifier},
    {"voltage", whole, "battery", "V", health},
    {"voltage", whole, "output_rated", "V", "a rating, not a measurement"},
    {"current", whole, "avg", "A", a_mean},
    {"current", whole, "sum", "A", a_sum},
    {"current", whole, "total", "A", a_sum},
    {"current", whole, "G", "A", "current to earth says nothing about energy"},
    {"current", whole, "ac_in_instant", "A", instant},
    {"current", whole, "dc_out", "A", behind_rectifier},
    {"current", whole, "ocp1", "A", "of a breaker, which is neither an outlet nor a branch that is numbered"},
    {"current_peak", whole, "", "A", peak},
    {"current_peak", branch, "", "A", peak},
    {"current_peak", whole, "ocp1", "A", peak},
    {"phase_angle", phase, "", "deg", "follows from the power factor"},
    {"energy_import", phase, "", "Wh", only_whole},
    {"energy_import", whole, "T1", "Wh", tariffs},
    {"energy_import", whole, "T2", "Wh", tariffs},
    {"energy_import", whole, "partial", "Wh", "a counter that its user resets"},
    {"energy_export", phase, "", "Wh", only_whole},
    {"energy_export", whole, "T1", "Wh", tariffs},
    {"energy_export", whole, "T2", "Wh", tariffs},
    {"energy_net", whole, "", "Wh", no_import},
    {"energy_net", phase, "", "Wh", no_import},
    {"energy_total", whole, "", "Wh", no_split},
    {"energy_total", phase, "", "Wh", no_split},
    {"apparent_energy_total", whole, "", "VAh", "apparent energy is not accounted"},
    {"reactive_energy_import", whole, "", "varh", reactive_energy},
    {"reactive_energy_export", whole, "", "varh", reactive_energy},
    {"reactive_energy_total", whole, "", "varh", reactive_energy},
    {"scale_exponent", branch, "", "1", scales_others},
    {"scale_exponent", whole, "device", "1", scales_others},
    {"data_scalar", whole, "device", "1", scales_others},
    {"ct_ratio", whole, "device", "1", scales_others},
    {"vt_ratio", whole, "device", "1", scales_others},
    {"temperature", whole, "inlet", "degC", health},
    {"temperature", whole, "outlet", "degC", health},
    {"temperature", whole, "internal", "degC", health},
    {"load_percent", whole, "output", "1", "a share of a rating that the device does not report"},
    {"battery_charge", whole, "battery", "1", health},
    {"status", whole, "general_alarm", "1", health},
    {"counter", whole, "crc_errors", "1", health},
    {"counter", whole, "timeouts", "1", health},
    {"count", whole, "inlets", "1", inventory},
    {"count", whole, "ocps", "1", inventory},
    {"count", whole, "outlets", "1", inventory},
    {"count", whole, "transfer_switches", "1", inventory},
    {"register_set_version", whole, "device", "1", "names the layout of the registers, measures nothing"},
});
// clang-format on

}  // namespace

std::span<const UnpublishedRow> unpublished_table() { return unpublished_rows; }

const UnpublishedRow* find_unpublished(std::string_view quantity, PlaceKind place) {
  const auto row = std::ranges::find_if(unpublished_rows, [&](const UnpublishedRow& candidate) {
    return candidate.quantity == quantity && candidate.place == place && candidate.part.empty();
  });
  return row == unpublished_rows.end() ? nullptr : &*row;
}

const UnpublishedRow* find_unpublished_part(std::string_view quantity, std::string_view part) {
  const auto row = std::ranges::find_if(unpublished_rows, [&](const UnpublishedRow& candidate) {
    return candidate.quantity == quantity && candidate.part == part && !part.empty();
  });
  return row == unpublished_rows.end() ? nullptr : &*row;
}

}  // namespace flopwatt
