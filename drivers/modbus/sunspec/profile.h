// The meter models of a SunSpec chain as a meter profile (sunspec/models: model_201 to 204, model_211 to
// 214). Every value of several registers has its high word first. Pure.
#pragma once

#include <cstddef>
#include <optional>

#include "config/profiles/meter_profile.h"
#include "drivers/modbus/sunspec/chain.h"

namespace flopwatt::modbus {

/// The last model 1 before the `number`th meter model (from 1); nullopt where there are fewer meter models.
[[nodiscard]] std::optional<SunSpecCommon> sunspec_common(const SunSpecDevice& device, std::size_t number);

/// The profile of the `number`th meter model (from 1), which is read in one request; nullopt where there are
/// fewer meter models. Vendor and model are those of sunspec_common(). Scale factors are exponents
/// (ScaleRegister) that are read with their values. The id is "sunspec", but
/// MeterProfile::sunspec is false: no search has to find the registers any more.
[[nodiscard]] std::optional<MeterProfile> sunspec_profile(const SunSpecDevice& device, std::size_t number);

}  // namespace flopwatt::modbus
