// The meter models of a SunSpec chain as a profile: what is read of them and how (sunspec/models: model_201
// to 204, model_211 to 214). Every multi-register value has its high word first.
#pragma once

#include <cstddef>
#include <optional>

#include "config/profiles/meter_profile.h"
#include "drivers/modbus/sunspec/chain.h"

namespace flopwatt::modbus {

/// What the model 1 nearest before the `number`th (from 1) meter model says; nullopt where there are fewer.
[[nodiscard]] std::optional<SunSpecCommon> sunspec_common(const SunSpecDevice& device, std::size_t number);

/// How the `number`th (from 1) meter model of the chain is read, in one request; nullopt where there are
/// fewer. Vendor and model are those of sunspec_common(); scale factors are exponents (ScaleRegister) read
/// with their values; id is "sunspec"; `sunspec` is false: its registers are known.
[[nodiscard]] std::optional<MeterProfile> sunspec_profile(const SunSpecDevice& device, std::size_t number);

}  // namespace flopwatt::modbus
