// Keys `address`, `function`, `type` and `word_order`: place and encoding of a number. Registers, scale
// registers and `identify` share these keys.
#pragma once

#include <cstdint>
#include <optional>

#include "config/profiles/meter_profile.h"
#include "config/yaml/map_reader.h"

namespace flopwatt {

struct RegisterPlace {
  std::uint16_t address = 0;
  std::uint8_t function = 3;
  Wire wire = Wire::u16;
  WordOrder word_order = WordOrder::big;
  Encoding encoding = Encoding::plain;
  std::uint16_t text_registers = 0;  ///< > 0: a text of so many registers

  [[nodiscard]] std::uint16_t width() const;  ///< in registers
};

/// Values of `type` that are allowed beside the number types.
struct OtherTypes {
  bool mod10k = false;
  bool text = false;  ///< with the key `registers`
};

/// nullopt: reported.
[[nodiscard]] std::optional<RegisterPlace> read_register_place(MapReader& map, OtherTypes others);

/// Registers of 16 bits that a type takes: 1, 2 or 4.
[[nodiscard]] std::uint16_t width_of(Wire wire);

[[nodiscard]] bool is_floating(Wire wire);

/// "u16", "f32" ...; "mod10k" for that encoding.
[[nodiscard]] std::string_view type_name(Wire wire, Encoding encoding);

}  // namespace flopwatt
