// The other half of the vocabulary: what meters tell that flopwatt knows and does not publish, with the
// reason. A profile may list it, so that its file tells the whole meter; it is never read. What stands
// neither here nor in the table of quantity.h cannot stand in a profile.
#pragma once

#include <span>
#include <string_view>

#include "readings/quantity.h"

namespace flopwatt {

/// A quantity of a meter at one kind of place, or of one of its parts.
struct UnpublishedRow {
  std::string_view quantity;  ///< as in profiles
  PlaceKind place;            ///< whole, phase, lines or branch; whole where `part` is written
  std::string_view part;      ///< what is neither of them: "avg_ln", "T1", "dc_out"; "" = none
  std::string_view unit;      ///< that registers of it are converted from, as in quantity.h
  std::string_view reason;    ///< a clause: "follows from the phases"
};

/// Grouped by quantity.
[[nodiscard]] std::span<const UnpublishedRow> unpublished_table();

/// The row of a place, or of a part; nullptr: there is none.
[[nodiscard]] const UnpublishedRow* find_unpublished(std::string_view quantity, PlaceKind place);
[[nodiscard]] const UnpublishedRow* find_unpublished_part(std::string_view quantity, std::string_view part);

}  // namespace flopwatt
