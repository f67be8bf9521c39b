#include "drivers/accelerators/nvidia/vendor.h"

#include <algorithm>
#include <utility>

#include "drivers/accelerators/nvidia/device_reader.h"
#include "drivers/accelerators/nvidia/gpm_sampler.h"
#include "drivers/accelerators/nvidia/nvml_library.h"
#include "drivers/accelerators/nvidia/pipe_work.h"
#include "drivers/accelerators/nvidia/pipes.h"
#include "runtime/schedule.h"

namespace flopwatt::nvidia {
namespace {

using accelerators::NoWork;
using accelerators::Unavailable;
using accelerators::WorkModel;

// However near two polls are, they are two samples.
static_assert(least_distance(keys.shortest_interval) > gpm_min_distance);

Unavailable unavailable(const Fault& fault) {
  return {.no_library = fault.code == static_cast<int>(abi::Return::library_not_found),
          .text = fault.message,
          .code = fault.code};
}

Result<std::unique_ptr<accelerators::DeviceReader>, Unavailable> make_reader(const std::string& path) {
  auto opened = NvmlLibrary::open(path);
  if (!opened) return unavailable(opened.error());
  const std::shared_ptr<NvmlLibrary> library = std::move(*opened);
  // The reader keeps the library by its functions.
  auto reader =
      std::make_unique<DeviceReader>(std::shared_ptr<const NvmlFunctions>(library, &library->functions()));
  if (const auto found = reader->find_devices(); !found) return unavailable(found.error());
  return std::unique_ptr<accelerators::DeviceReader>(std::move(reader));
}

Result<WorkModel, NoWork> make_work_model(const accelerators::DeviceIdentity& device,
                                          const VendorTable& table, Place tensor_precision) {
  const std::string capability = "compute capability " + device.architecture;
  if (!std::ranges::equal(device.activity, pipes))
    return NoWork{"the device does not tell the activity of its pipes: " + device.no_activity_reason};
  const Rates* const rates = table.rates_of(device.architecture);
  if (rates == nullptr) return NoWork{"rates of " + capability + " are not known"};
  if (device.cores == 0) return NoWork{"the driver does not tell the number of cores"};
  const auto of_pipes = pipe_rates(sm_rates(*rates), device.cores, tensor_precision);
  if (!of_pipes)
    return NoWork{capability + " has no tensor rate for the configured tensor_precision " +
                  std::string(label_of(tensor_precision))};
  return WorkModel{.precisions = {Place::fp64, Place::fp32, Place::fp16, of_pipes->tensor_precision},
                   // The FP16 figure of data sheets is that of the tensor pipe, not of vector FP16.
                   .without_peak = {Place::fp16},
                   .work_of = [rates = *of_pipes](const accelerators::Activity& activity) {
                     return pipe_work(rates, activity);
                   }};
}

}  // namespace

accelerators::Vendor vendor() {
  return {.keys = keys,
          // Gain errors of individual cards, refresh: Yang, Adamek, Armour, SC24.
          .accuracy = 0.05,
          .refresh = std::chrono::milliseconds(100),
          .make_reader = make_reader,
          .make_work_model = make_work_model};
}

}  // namespace flopwatt::nvidia
