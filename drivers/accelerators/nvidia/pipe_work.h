// Work by method `pipe`: floating-point operations from the activity of an accelerator's pipes. Pure.
//
//   FLOP = sum over pipes p of  a_p * R_p * N_SM * f * dt
//
// a_p: share of elapsed cycles in which the pipe was active (GPM, average over dt); R_p: FLOP per clock per
// SM, dense, FMA = 2 (CUDA C++ Programming Guide, arithmetic throughput; NVIDIA's architecture papers); N_SM:
// CUDA cores over cores per SM; f: mean of the measured SM clock at both ends of dt. The clock is the
// measured one because ratios count elapsed cycles: the boost clock would overstate a throttled device.
//
// Pipes and precisions:
//   DFMA -> fp64 at the FP64 tensor rate, FP64 -> fp64, FP32 -> fp32 (the FMA pipe, which counts integer
//   instructions too), FP16 -> fp16 (vector). HMMA carries TF32, FP16, BF16 and FP8, which the hardware does
//   not tell apart: it is counted at the configured precision, between the lowest and the highest tensor rate
//   of the architecture. IMMA is integer work and never FLOP. The result is an upper-bound kind of figure:
//   padding, masked lanes and integer instructions in the FMA pipe count, and structured sparsity is not told
//   apart.
#pragma once

#include <optional>
#include <string_view>

#include "config/accelerator_table.h"
#include "config/config.h"
#include "drivers/accelerators/device.h"

namespace flopwatt::nvidia {

/// FLOP per SM clock of the whole device at full activity, 0 where the architecture has no such pipe.
struct PipeRates {
  double dfma = 0, fp64 = 0, fp32 = 0, fp16 = 0;
  double tensor = 0, tensor_low = 0, tensor_high = 0;  ///< HMMA: as configured, lowest, highest
};

/// nullopt where the SM count is unknown (no cores or lanes) or the architecture's tensor pipe does not know
/// the configured precision.
[[nodiscard]] std::optional<PipeRates> pipe_rates(const SmRates& rates, unsigned cores, Precision configured);

/// Work of one interval in FLOP.
struct Work {
  double fp64 = 0, fp32 = 0, fp16 = 0;
  double tensor = 0;         ///< at the configured precision
  double low = 0, high = 0;  ///< of all pipes, HMMA at the lowest and the highest rate
  double spread = 0;         ///< half-width of total() from the clock: total * |f2 - f1| / (f1 + f2)

  [[nodiscard]] double total() const { return fp64 + fp32 + fp16 + tensor; }
  Work& operator+=(const Work& other);
};

/// nullopt where a ratio that counts, or a clock, is unknown: then all of the interval's work is.
[[nodiscard]] std::optional<Work> pipe_work(const PipeRates& rates, const PipeSample& sample);

/// The precision (by name as in Product::peak_flop_per_second) of which `work` of `seconds` is more than 1.05
/// times the product's dense peak: then a coefficient or a sample is wrong. "" where all is plausible, or no
/// peak known.
[[nodiscard]] std::string_view beyond_peak(const Work& work, double seconds, const Product& product,
                                           Precision configured);

/// "bf16"; the label of assumed work is "assumed_" + this.
[[nodiscard]] std::string_view name_of(Precision precision);
[[nodiscard]] Place assumed_place(Precision precision);

}  // namespace flopwatt::nvidia
