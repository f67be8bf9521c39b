// Which profiles fit a unit, best first, and how sure that is. Pure.
#pragma once

#include <cstdint>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "config/profiles/meter_profile.h"
#include "drivers/modbus/probe/identify.h"
#include "drivers/modbus/probe/values.h"

namespace flopwatt::modbus {

enum class Confidence : std::uint8_t {
  /// The unit speaks SunSpec, or the identification fits this profile only and the values are plausible.
  certain,
  /// The identification fits several profiles, or the values are not plausible, or a text names the model.
  likely,
  /// The values are plausible; other models may have such values at the same addresses.
  possible,
};

[[nodiscard]] std::string_view name_of(Confidence confidence);

struct ProbeMatch {
  std::string profile;             ///< id of the profile, as in the configuration
  std::uint8_t sunspec_model = 0;  ///< of profile sunspec: which meter of the unit, from 1
  Confidence confidence = Confidence::possible;
  double score = 0;  ///< 0.95 to 1 certain, 0.5 to 0.9 likely, below possible
  std::vector<std::string> why;
  std::string vendor, model, serial;  ///< as the unit says; vendor and model else as in the profile
};

inline constexpr std::size_t max_matches = 5;

/// One profile and what a probe found out about it.
struct Candidate {
  const MeterProfile* profile = nullptr;
  Identification identification{};
  KeyValues keys{};
  Share share{};

  [[nodiscard]] bool is_matched() const { return identification.verdict == Identification::Verdict::matched; }
};

struct Ranking {
  std::vector<ProbeMatch> matches;  ///< at most max_matches, best first
  std::string note;  ///< on all of them: "values alone identify no model: 3 profiles fit"; "" = none
};

[[nodiscard]] Ranking rank(std::span<const Candidate> candidates);

}  // namespace flopwatt::modbus
