#include "drivers/accelerators/nvidia/nvml_library.h"

#include <doctest/doctest.h>

#include "fake_library.h"

namespace flopwatt::nvidia {

TEST_CASE("a library that is not there is told as such") {
  const auto library = NvmlLibrary::open("libno-such-vendor.so.1");
  REQUIRE_FALSE(library);
  CHECK(library.error().code == 12);
  CHECK(library.error().message.find("libno-such-vendor.so.1") != std::string::npos);
}

TEST_CASE("a library that is not NVML is told as such") {
  const auto library = NvmlLibrary::open("libm.so.6");
  REQUIRE_FALSE(library);
  CHECK(library.error().code == 12);
  CHECK(library.error().message == "libm.so.6 is not NVML: it has no nvmlInit_v2");
}

TEST_CASE("a library that cannot be initialised says why") {
  const FakeScript script;
  script.says("nvmlInit_v2 9");
  const auto library = NvmlLibrary::open(FAKE_NVML);
  REQUIRE_FALSE(library);
  CHECK(library.error().code == 9);
  CHECK(library.error().message.find("DRIVER_NOT_LOADED (9)") != std::string::npos);
}

TEST_CASE("functions that an old library lacks answer FUNCTION_NOT_FOUND, the others work") {
  const FakeScript script;
  const auto library = NvmlLibrary::open(FAKE_NVML_OLD);
  REQUIRE(library);
  const NvmlFunctions& functions = (*library)->functions();
  unsigned count = 0;
  CHECK(functions.device_get_count(&count) == abi::Return::success);
  CHECK(count == 1);
  abi::GpmSample sample = nullptr;
  CHECK_FALSE(functions.gpm_sample_alloc.exists());
  CHECK(functions.gpm_sample_alloc(&sample) == abi::Return::function_not_found);
}

TEST_CASE("return codes read as text, also those without a name") {
  CHECK(text_of(abi::Return::gpu_is_lost) ==
        "GPU_IS_LOST (15): the GPU has fallen off the bus; see the kernel log, reset or power-cycle it");
  CHECK(text_of(abi::Return::not_found) == "NOT_FOUND (6)");
  CHECK(text_of(static_cast<abi::Return>(77)) == "return code 77");
}

}  // namespace flopwatt::nvidia
