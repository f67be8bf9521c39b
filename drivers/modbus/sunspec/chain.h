// The chain of models on a SunSpec device, and the walk along the chain (sunspec/models: model_1, model_201
// to 204, model_211 to 214). Pure: the caller brings answers.
#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>
#include <span>
#include <string>
#include <vector>

#include "drivers/modbus/wire/mbap.h"

namespace flopwatt::modbus {

/// What a model 1 says of the device, or of the part of the device whose models follow. A text that the model
/// does not have is "".
struct SunSpecCommon {
  std::string manufacturer, model, options, version, serial;

  bool operator==(const SunSpecCommon&) const = default;
};

/// What kind of meter a model describes. The two families differ only in the type of their values.
struct SunSpecMeterKind {
  bool integer = true;  ///< 201 to 204: integers with scale factors; else 211 to 214: f32
  int phases = 0;       ///< 1 single, 2 split, 3 wye and delta
};

/// One model of the chain.
struct SunSpecModel {
  std::uint16_t id = 0;
  std::uint16_t address = 0;  ///< of its ID register
  std::uint16_t length = 0;   ///< registers after ID and L, as the device says

  /// nullopt where the model is not 201 to 204 or 211 to 214, or is shorter than its definition.
  [[nodiscard]] std::optional<SunSpecMeterKind> meter_kind() const;
  [[nodiscard]] bool is_meter() const { return meter_kind().has_value(); }
  bool operator==(const SunSpecModel&) const = default;
};

struct SunSpecDevice {
  std::uint16_t base = 0;  ///< address of the marker
  ReadFunction function = ReadFunction::holding_registers;
  std::string manufacturer, model, options, version, serial;  ///< of the first model 1
  std::vector<SunSpecModel> models;                           ///< in their order, at most max_sunspec_models
  /// The further model 1s, in their order: each meter of an inverter has one before its meter model.
  std::vector<SunSpecCommon> parts{};

  bool operator==(const SunSpecDevice&) const = default;
};

inline constexpr std::size_t max_sunspec_models = 64;
inline constexpr std::uint16_t sunspec_common_id = 1;

/// The walk along the chain: which request is next, and what an answer, a refusal or silence means. It tries
/// the bases 40000, 50000 and 0 with function 3, then with function 4.
///
/// The chain ends at the IDs 0xFFFF and 0, at a refusal or silence where a header behind model 1 would be
/// (some devices end with a single 0 and refuse what follows), at the 64th model, and where a header would
/// lie beyond the address space. A model whose length contradicts its definition is skipped by the length
/// that the device gives.
class SunSpecWalk {
 public:
  explicit SunSpecWalk(std::uint8_t unit) : unit_(unit) {}

  /// The next request; nullopt: the walk has ended.
  [[nodiscard]] std::optional<ReadRequest> next() const;
  /// The answer to next(): 2 bytes for each register.
  void answered(std::span<const std::uint8_t> registers);
  /// The device refused next(): these registers do not exist.
  void refused();
  /// The device did not answer next(). True: the walk goes on as after a refusal. False: the walk stays where
  /// it is, since the device has answered nothing yet, or has announced these registers.
  [[nodiscard]] bool unanswered();

  /// After the end of the walk: the device; nullopt where there is no marker, or no model 1 in the chain.
  [[nodiscard]] const std::optional<SunSpecDevice>& device() const { return device_; }

 private:
  enum class Step : std::uint8_t { marker, header, common, ended };

  void try_next_base();
  void take_header(std::uint16_t id, std::uint16_t length);
  void take_common(SunSpecCommon common);
  void step_on();
  void end_chain();

  std::uint8_t unit_;
  Step step_ = Step::marker;
  std::size_t attempt_ = 0;    // of base and function
  bool heard_ = false;         // the device has answered or refused something
  bool identified_ = false;    // a model 1 has been seen on this chain
  std::uint32_t address_ = 0;  // of the header that is next, or of the model that is read
  SunSpecDevice found_;        // of this chain so far
  std::optional<SunSpecDevice> device_;
};

}  // namespace flopwatt::modbus
