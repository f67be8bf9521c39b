// A reading set as the JSON object of MQTT, /api/v1/readings and export. Keys and units come from the
// quantity table; this file adds their order.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "readings/reading_set.h"

namespace flopwatt {

/// Layout of the JSON objects of one source. Its keys are made once, so that a set costs no look-up and no
/// allocation for each value. Make a new one for each new Source.
///
/// A meter: {"seq":N,"time":"…","active_power_w":…,"branches":{"7":{"active_power_w":…}}}. Branches are
/// ordered by number; a branch without a known value is left out. An accelerator has "uuid" after
/// "time", if known. A window of a scope begins with "start": `time` less the length of the window,
/// which is the `interval` of its source, and ends with "methods", which is laid out as branches are, if it
/// has values of at least two of them. The key of an unknown value is left out. FLOP has an exponent; a method
/// is its name; why there is no figure is {"joules_per_flop":"no_work"}.
class JsonLayout {
 public:
  explicit JsonLayout(SourcePtr source);

  [[nodiscard]] const SourcePtr& source() const { return source_; }

  /// Appends the object. `set` must be of this source. seq 0: the set is not stored, and "seq" is left out.
  void append(std::string& out, const ReadingSet& set, std::uint64_t seq = 0) const;

 private:
  enum class Form : std::uint8_t { number, with_exponent, method, reason };
  struct Key {
    std::size_t index;  // in ReadingSet::values
    Form form;
    std::string text;  // `,"active_power_w":`
  };
  // An object inside: of a branch or of a method.
  struct Part {
    std::string text;  // `"7":{`
    std::vector<Key> keys;
  };

  void add(const Key& key, Channel channel);
  static void append_known(std::string& out, const std::vector<Key>& keys, const ReadingSet& set);
  static void append_key(std::string& out, const Key& key, double value);
  static void append_parts(std::string& out, std::string_view name, const std::vector<Part>& parts,
                           int fewest, const ReadingSet& set);

  SourcePtr source_;
  std::string identity_;  // `,"uuid":"…"` or nothing
  std::vector<Key> keys_;
  std::vector<Part> branches_;  // by number
  std::vector<Part> methods_;   // the best first
};

}  // namespace flopwatt
