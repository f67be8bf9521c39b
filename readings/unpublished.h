// The other half of the vocabulary: quantities of meters that flopwatt knows and does not publish, each with
// the reason. A profile may list such a register, so that its file describes the whole meter; the register is
// never read. A quantity that is neither here nor in the table of quantity.h cannot stand in a profile.
#pragma once

#include <span>
#include <string_view>

#include "readings/quantity.h"

namespace flopwatt {

/// A quantity of a meter at one kind of place, or of one of its parts.
struct UnpublishedRow {
  std::string_view quantity;  ///< as in profiles
  PlaceKind place;            ///< whole, phase, lines or branch; whole where `part` is written
  std::string_view part;      ///< a part that is no place: "avg_ln", "T1", "dc_out"; "" = none
  std::string_view unit;      ///< what the units of its registers must convert to, as in quantity.h
  std::string_view reason;    ///< a clause: "follows from the phases"
};

/// Grouped by quantity.
[[nodiscard]] std::span<const UnpublishedRow> unpublished_table();

/// The row of a place, or of a part; nullptr: none.
[[nodiscard]] const UnpublishedRow* find_unpublished(std::string_view quantity, PlaceKind place);
[[nodiscard]] const UnpublishedRow* find_unpublished_part(std::string_view quantity, std::string_view part);

}  // namespace flopwatt
