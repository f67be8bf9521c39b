#include "readings/unpublished.h"

#include <doctest/doctest.h>

#include <algorithm>
#include <set>
#include <string>
#include <string_view>
#include <tuple>
#include <vector>

using namespace flopwatt;

namespace {

// What 91 meters, PDUs, power supplies and UPS have: quantity, and where ("" for the whole, a kind of place,
// or a part). By hand, from their registers.
struct Fact {
  std::string_view quantity;
  std::string_view where;
};
const std::vector<Fact> facts = {{"active_power", ""},
                                 {"active_power", "branch"},
                                 {"active_power", "part ac_in_instant"},
                                 {"active_power", "part dc_out"},
                                 {"active_power", "phase"},
                                 {"active_power_export", ""},
                                 {"active_power_export", "phase"},
                                 {"active_power_import", ""},
                                 {"active_power_import", "phase"},
                                 {"apparent_energy_total", ""},
                                 {"apparent_power", ""},
                                 {"apparent_power", "branch"},
                                 {"apparent_power", "phase"},
                                 {"battery_charge", "part battery"},
                                 {"count", "part inlets"},
                                 {"count", "part ocps"},
                                 {"count", "part outlets"},
                                 {"count", "part transfer_switches"},
                                 {"counter", "part crc_errors"},
                                 {"counter", "part timeouts"},
                                 {"ct_ratio", "part device"},
                                 {"current", ""},
                                 {"current", "branch"},
                                 {"current", "part G"},
                                 {"current", "part ac_in_instant"},
                                 {"current", "part avg"},
                                 {"current", "part dc_out"},
                                 {"current", "part ocp1"},
                                 {"current", "part sum"},
                                 {"current", "part total"},
                                 {"current", "phase"},
                                 {"current_peak", ""},
                                 {"current_peak", "branch"},
                                 {"current_peak", "part ocp1"},
                                 {"data_scalar", "part device"},
                                 {"energy_export", ""},
                                 {"energy_export", "part T1"},
                                 {"energy_export", "part T2"},
                                 {"energy_export", "phase"},
                                 {"energy_import", ""},
                                 {"energy_import", "branch"},
                                 {"energy_import", "part T1"},
                                 {"energy_import", "part T2"},
                                 {"energy_import", "part partial"},
                                 {"energy_import", "phase"},
                                 {"energy_net", ""},
                                 {"energy_net", "phase"},
                                 {"energy_total", ""},
                                 {"energy_total", "phase"},
                                 {"frequency", ""},
                                 {"frequency", "branch"},
                                 {"frequency", "phase"},
                                 {"load_percent", "part output"},
                                 {"phase_angle", "phase"},
                                 {"power_factor", ""},
                                 {"power_factor", "branch"},
                                 {"power_factor", "phase"},
                                 {"reactive_energy_export", ""},
                                 {"reactive_energy_import", ""},
                                 {"reactive_energy_total", ""},
                                 {"reactive_power", ""},
                                 {"reactive_power", "branch"},
                                 {"reactive_power", "phase"},
                                 {"reactive_power_export", ""},
                                 {"reactive_power_export", "phase"},
                                 {"reactive_power_import", ""},
                                 {"reactive_power_import", "phase"},
                                 {"register_set_version", "part device"},
                                 {"scale_exponent", "branch"},
                                 {"scale_exponent", "part device"},
                                 {"status", "part general_alarm"},
                                 {"temperature", "part inlet"},
                                 {"temperature", "part internal"},
                                 {"temperature", "part outlet"},
                                 {"voltage", ""},
                                 {"voltage", "branch"},
                                 {"voltage", "lines"},
                                 {"voltage", "part avg_ll"},
                                 {"voltage", "part avg_ln"},
                                 {"voltage", "part battery"},
                                 {"voltage", "part dc_out"},
                                 {"voltage", "part output_rated"},
                                 {"voltage", "part system"},
                                 {"voltage", "phase"},
                                 {"vt_ratio", "part device"}};

PlaceKind place_of(std::string_view where) {
  if (where == "phase") return PlaceKind::phase;
  if (where == "lines") return PlaceKind::lines;
  if (where == "branch") return PlaceKind::branch;
  return PlaceKind::whole;
}

bool is_published(const Fact& fact) {
  return !fact.where.starts_with("part ") &&
         find_row(SourceKind::meter, fact.quantity, place_of(fact.where)) != nullptr;
}

bool is_unpublished(const Fact& fact) {
  return fact.where.starts_with("part ")
             ? find_unpublished_part(fact.quantity, fact.where.substr(5)) != nullptr
             : find_unpublished(fact.quantity, place_of(fact.where)) != nullptr;
}

}  // namespace

TEST_CASE("whatever a known meter has is either published or has a reason why not") {
  for (const Fact& fact : facts) {
    CAPTURE(fact.quantity);
    CAPTURE(fact.where);
    CHECK(is_published(fact) != is_unpublished(fact));
  }
}

TEST_CASE("the table of what is not published has a row for nothing else") {
  for (const UnpublishedRow& row : unpublished_table()) {
    CAPTURE(row.quantity);
    CAPTURE(row.part);
    CHECK(std::ranges::any_of(facts, [&](const Fact& fact) {
      return fact.quantity == row.quantity &&
             (row.part.empty() ? !fact.where.starts_with("part ") && place_of(fact.where) == row.place
                               : fact.where.starts_with("part ") && fact.where.substr(5) == row.part);
    }));
  }
}

TEST_CASE("one quantity at one place has one row, one unit and a reason that can stand in a line") {
  std::set<std::tuple<std::string_view, PlaceKind, std::string_view>> rows;
  for (const UnpublishedRow& row : unpublished_table()) {
    CAPTURE(row.quantity);
    CHECK(rows.insert({row.quantity, row.place, row.part}).second);
    CHECK((row.part.empty() || row.place == PlaceKind::whole));
    CHECK((!row.reason.empty() && !row.reason.ends_with('.') && !row.unit.empty()));
    for (const UnpublishedRow& other : unpublished_table())
      if (other.quantity == row.quantity) CHECK(other.unit == row.unit);
    for (const QuantityRow& published : quantity_table())
      if (published.source == SourceKind::meter && published.name == row.quantity)
        CHECK(published.unit == row.unit);
    CHECK(find_unpublished_part(row.quantity, row.part) == (row.part.empty() ? nullptr : &row));
  }
}

TEST_CASE("a meter without phases has a voltage and a current") {
  const QuantityRow* voltage = find_row(SourceKind::meter, "voltage", PlaceKind::whole);
  const QuantityRow* current = find_row(SourceKind::meter, "current", PlaceKind::whole);
  REQUIRE((voltage != nullptr && current != nullptr));
  CHECK(voltage->series == "flopwatt_meter_voltage_volts");
  CHECK(json_key(*voltage, Place::whole) == "voltage_v");
  CHECK(current->series == "flopwatt_meter_current_amperes");
  CHECK(json_key(*current, Place::whole) == "current_a");
}
