// Keys `quantity`, `phase`, `lines`, `branch` and `part` of a register.
#pragma once

#include <cstdint>
#include <optional>
#include <string>

#include "config/yaml/map_reader.h"
#include "readings/quantity.h"
#include "readings/unpublished.h"

namespace flopwatt {

/// Either `row` or `unpublished` is set.
struct Placement {
  const QuantityRow* row = nullptr;
  const UnpublishedRow* unpublished = nullptr;
  Channel channel;             ///< where published; of a range the first branch
  std::uint16_t branches = 1;  ///< more than 1: a range of branches, as in `branch: 1-42`
  std::string_view quantity;   ///< its name
  std::string place;           ///< "L1", "branch 7", "branches 1-42", "avg_ln"; "" for the whole meter

  [[nodiscard]] std::string_view unit() const;  ///< the held unit
  /// For messages: "active_power L1", "current of branch 7". `offset` counts from the first branch.
  [[nodiscard]] std::string name(std::uint16_t offset = 0) const;
};

/// The profile of a whole meter may list registers that are not read; the registers in
/// a configuration may not.
enum class Unpublished : std::uint8_t { allowed, refused };

/// nullopt: reported.
[[nodiscard]] std::optional<Placement> read_placement(MapReader& map, Unpublished unpublished);

}  // namespace flopwatt
