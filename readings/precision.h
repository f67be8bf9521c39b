// Precisions where the hardware does not tell them apart: the configuration says which one is assumed. Their
// names are the labels of quantity.h; no other list of them exists.
#pragma once

#include <algorithm>
#include <array>
#include <optional>
#include <string_view>

#include "readings/quantity.h"

namespace flopwatt {

struct AssumedPrecision {
  Place precision;
  Place assumed;  ///< the place of work that is counted at that precision because the configuration says so
};

inline constexpr auto assumed_precisions = std::to_array<AssumedPrecision>({
    {Place::tf32, Place::assumed_tf32},
    {Place::fp16, Place::assumed_fp16},
    {Place::bf16, Place::assumed_bf16},
    {Place::fp8, Place::assumed_fp8},
});

/// Precisions of which data sheets give a peak.
inline constexpr std::array peak_precisions = {Place::fp64, Place::fp32, Place::tf32,
                                               Place::fp16, Place::bf16, Place::fp8};

/// `precision` is one of assumed_precisions.
[[nodiscard]] inline Place assumed(Place precision) {
  return std::ranges::find(assumed_precisions, precision, &AssumedPrecision::precision)->assumed;
}

/// "bf16" of Place::bf16 and of Place::assumed_bf16 alike.
[[nodiscard]] inline std::string_view precision_name(Place place) {
  const auto* const found = std::ranges::find(assumed_precisions, place, &AssumedPrecision::assumed);
  return label_of(found == assumed_precisions.end() ? place : found->precision);
}

}  // namespace flopwatt
