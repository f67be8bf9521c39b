// Reads the devices of libexample.so.
#pragma once

#include <memory>
#include <string>

#include "drivers/accelerators/device_reader.h"

namespace flopwatt::example {

[[nodiscard]] Result<std::unique_ptr<accelerators::DeviceReader>, accelerators::Unavailable> make_reader(
    const std::string& library);

}  // namespace flopwatt::example
