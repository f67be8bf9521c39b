// Keys `scaled_by` and `unavailable` of a register: registers that scale it, and bits that mean "no value".
#pragma once

#include <cstdint>
#include <span>
#include <vector>

#include "config/profiles/read_register_type.h"
#include "config/yaml/map_reader.h"

namespace flopwatt {

/// A scale register. In a range of branches, the scale register of the next branch is `stride` further.
struct ScaleEntry {
  ScaleRegister scale;
  std::uint16_t stride = 0;
};

inline constexpr std::size_t most_scale_registers = 4;
inline constexpr std::size_t most_unavailable = 8;

/// `scaled_by`, one entry or a list. `branches`: number of branches of the register; only a range of branches
/// may have a stride. Bad entries are reported and left out.
[[nodiscard]] std::vector<ScaleEntry> read_scaled_by(MapReader& map, std::uint16_t branches);

/// `unavailable` of a register at `place`: bits as an unsigned number of its width.
[[nodiscard]] std::vector<std::uint64_t> read_unavailable(MapReader& map, const RegisterPlace& place);

/// `stride` between branches; 0: missing. Reports a stride without a range, and a last branch
/// beyond the last register.
[[nodiscard]] std::uint16_t read_stride(MapReader& map, std::uint16_t branches, std::uint16_t address,
                                        std::uint16_t width);

/// `scale`; 1: missing or wrong.
[[nodiscard]] double read_scale(MapReader& map);

/// The items of a list, or the node itself if it is no list.
[[nodiscard]] std::span<const YamlNode> one_or_list(const YamlNode& node);

}  // namespace flopwatt
