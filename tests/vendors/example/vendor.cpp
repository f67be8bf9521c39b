#include "tests/vendors/example/vendor.h"

#include <array>

#include "tests/vendors/example/reader.h"

namespace flopwatt::example {
namespace {

using accelerators::Activity;
using accelerators::NoWork;
using accelerators::Work;
using accelerators::WorkModel;

constexpr auto rate_keys = std::to_array<RateKey>({{.name = "fp16", .required = true}});

/// The hardware tells its precision, and nothing is left open: both bounds are the work itself.
Result<WorkModel, NoWork> make_work_model(const accelerators::DeviceIdentity& device,
                                          const VendorTable& table, Place) {
  const Rates* const rates = table.rates_of(device.architecture);
  if (rates == nullptr) return NoWork{"rates of generation " + device.architecture + " are not known"};
  const double per_tick = rates->at("fp16") * device.cores;
  return WorkModel{
      .precisions = {Place::fp16}, .work_of = [per_tick](const Activity& activity) -> std::optional<Work> {
        const double flop = activity.ratios.at(0) * per_tick * activity.clock_end_hz * activity.seconds;
        if (!is_known(flop)) return std::nullopt;
        return Work{.parts = {{Place::fp16, flop}}, .low = flop, .high = flop};
      }};
}

}  // namespace

accelerators::Vendor vendor() {
  return {.keys = {.name = "example",
                   .title = "Example",
                   .library = "libexample.so",
                   .shortest_interval = std::chrono::milliseconds(100),
                   .why_no_shorter = "their driver reads no faster",
                   .rates = {.key = "flop_per_clock_per_unit",
                             .architecture = "generation",
                             .pattern = "e*",
                             .example = "e1",
                             .rates = rate_keys}},
          .accuracy = 0.02,
          .refresh = std::chrono::milliseconds(10),
          .make_reader = make_reader,
          .make_work_model = make_work_model};
}

}  // namespace flopwatt::example
