// Work by method `pipe`: floating-point operations from the activity of an accelerator's pipes. Pure.
//
//   FLOP = sum over pipes p of  a_p * R_p * N_SM * C
//
// a_p: share of elapsed cycles in which the pipe was active (GPM, average over dt); R_p: FLOP per clock per
// SM, dense, FMA = 2 (CUDA C++ Programming Guide, arithmetic throughput; NVIDIA's architecture papers); N_SM:
// CUDA cores over cores per SM; C: cycles of one SM that elapsed in dt. The boost clock would overstate a
// throttled device.
//
// C is counted where the driver counts it (GPM, SM cycles elapsed). NVIDIA does not say whether of one SM or
// of all together: more than any SM can have in dt are those of all. A count of less than a tenth of what the
// measured clocks give is of something else, and not taken.
//
// Else C = f dt, with f the mean of the measured SM clock at both ends of dt. The course between is not known:
// spread is sqrt(3) times the standard uncertainty from it, by the same two models as that of power between
// two readings (accounting/power_integral.h): one step of the clock in dt gives the variance of f df^2 / 12;
// a clock that goes back and forth from sample to sample gives 5/6 max(0, -df df') more, with df' its change
// over the interval before. The errors of two intervals are independent.
//
// The precision of the work of each pipe:
//   DFMA -> fp64 at the FP64 tensor rate, FP64 -> fp64, FP32 -> fp32 (the FMA pipe, which counts integer
//   instructions too), FP16 -> fp16 (vector). HMMA carries TF32, FP16, BF16 and FP8, which the hardware does
//   not tell apart: it is counted at the configured precision, between the lowest and the highest tensor rate
//   of the architecture. IMMA is integer work and never FLOP. The result is an upper bound: padding, masked
//   lanes and integer instructions in the FMA pipe count, and structured sparsity is not recognised.
#pragma once

#include <optional>

#include "config/accelerator_table.h"
#include "drivers/accelerators/device.h"
#include "drivers/accelerators/work.h"

namespace flopwatt::nvidia {

/// FLOP per clock per SM, dense, FMA = 2. 0 where the architecture has none.
struct SmRates {
  double fp64 = 0, fp64_tensor = 0, fp32 = 0, fp16 = 0;
  double tf32_tensor = 0, fp16_tensor = 0, bf16_tensor = 0, fp8_tensor = 0;
  double fp32_lanes = 0;  ///< CUDA cores of one SM: SM count = cores / lanes
};

/// Of an architecture in the table of accelerators.
[[nodiscard]] SmRates sm_rates(const Rates& rates);

/// FLOP per SM clock of the whole device at full activity, 0 where the architecture has no such pipe.
struct PipeRates {
  double sm_count = 0;
  double dfma = 0, fp64 = 0, fp32 = 0, fp16 = 0;
  double tensor = 0, tensor_low = 0, tensor_high = 0;  ///< HMMA: as configured, lowest, highest
  /// The precision at which the work of HMMA is counted, since the hardware does not report it.
  Place tensor_precision{};
};

/// Rates of a device with `cores` CUDA cores. nullopt where the SM count is unknown (no cores or lanes), or
/// where the tensor pipe of the architecture does not know the configured precision.
[[nodiscard]] std::optional<PipeRates> pipe_rates(const SmRates& rates, unsigned cores, Place configured);

/// Work of one interval in FLOP. nullopt where a ratio that counts is unknown, or the cycles and a clock: one
/// unknown part makes all work of the interval unknown.
[[nodiscard]] std::optional<accelerators::Work> pipe_work(const PipeRates& rates,
                                                          const accelerators::Activity& activity);

}  // namespace flopwatt::nvidia
