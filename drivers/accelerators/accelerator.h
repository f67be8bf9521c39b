// One device as a source: how its reading sets are laid out, and how a reading becomes a set.
#pragma once

#include <cstddef>
#include <optional>
#include <string>
#include <vector>

#include "config/accelerator_table.h"
#include "config/config.h"
#include "drivers/accelerators/device.h"
#include "drivers/accelerators/estimated_work.h"
#include "drivers/accelerators/integrated_energy.h"
#include "drivers/accelerators/vendor.h"
#include "drivers/accelerators/work_counter.h"
#include "readings/reading_set.h"

namespace flopwatt::accelerators {

class Accelerator {
 public:
  /// `vendor`, `config`, `table` and `energy` must outlive the accelerator. The name and the PCI address of
  /// an accelerator never change.
  Accelerator(const Vendor& vendor, const AcceleratorConfig& config, const VendorTable& table,
              std::string name, IntegratedEnergy& energy);

  /// The device has described itself, or another card is in its place: makes a new source. The count of work
  /// goes on, and so does the count of integrated energy.
  void describe(const DeviceIdentity& identity, const std::string& driver_version);

  [[nodiscard]] const SourcePtr& source() const { return source_; }
  [[nodiscard]] const DeviceIdentity& identity() const { return identity_; }

  /// A set of the source's fields; every value is held_value() of a number of its wire type, so that the
  /// store gives back the same. `reading` is of the device as described.
  ReadingSet make_set(const DeviceReading& reading);

  /// Why the device does not offer method pipe, "" where it does.
  [[nodiscard]] const std::string& no_work_reason() const { return no_work_reason_; }
  /// Why the newest set has no value of `channel`: the answer to Driver::why_absent().
  [[nodiscard]] std::string why_absent(Channel channel) const;

 private:
  void find_work_model();
  [[nodiscard]] std::vector<Field> measured_fields() const;
  /// Place of a figure among those of the identity; their number where there is none.
  [[nodiscard]] std::size_t column_of(Quantity quantity) const;
  void add_peak_rates(std::vector<Field>& fields);
  /// Held value of a figure of the newest reading; `absent` where it has no such number, and where no device
  /// can have such a value: see why_refused().
  [[nodiscard]] double figure(std::size_t column) const;
  void take_numbers(const DeviceReading& reading);
  /// Why a value that the device tells is not taken, "" where it is or where there is none.
  [[nodiscard]] std::string why_refused(std::size_t column) const;
  [[nodiscard]] bool is_beyond_limit(std::size_t column) const;
  [[nodiscard]] std::optional<Work> increment(const DeviceReading& reading);
  [[nodiscard]] double integrated_energy(const DeviceReading& reading);
  [[nodiscard]] std::optional<Work> estimated_increment(const DeviceReading& reading) const;

  const Vendor& vendor_;
  const AcceleratorConfig& config_;
  const VendorTable& table_;
  std::string name_;
  IntegratedEnergy& energy_;
  DeviceIdentity identity_;
  SourcePtr source_;
  std::optional<WorkModel> work_model_;          ///< nullopt: pipe is not offered
  std::optional<EstimateRates> estimate_rates_;  ///< nullopt: estimated is not offered
  const Product* product_ = nullptr;
  /// Columns of these figures in DeviceReading::numbers.
  std::size_t power_ = 0, power_limit_ = 0, utilization_ = 0;
  std::vector<double> told_;              ///< held values of the newest reading's figures, taken or not
  double highest_limit_w_ = 0;            ///< the highest power limit that the device told; 0: none yet
  std::ptrdiff_t integrated_energy_ = 0;  ///< index among the fields of the source
  Peaks peaks_;                           ///< FLOP/s that work must not exceed
  std::vector<double> peak_rates_;        ///< held values of the peak_rate fields, in their order
  std::string no_work_reason_;
  WorkCounter work_, estimated_work_;
  std::int64_t newest_us_ = 0;  ///< time of the last reading, monotonic; 0: none yet
  bool implausible_told_ = false;
};

}  // namespace flopwatt::accelerators
