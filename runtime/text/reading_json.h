// A reading set as the JSON object of CONTRACT section 4. Keys and units come from the quantity table; this
// file adds only their order.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "readings/reading_set.h"

namespace flopwatt {

/// How the reading sets of one source are written: keys made once, so that a set costs no look-up and no
/// allocation per value. Made anew by its user when the source is described anew.
///
/// A meter:  {"seq":N,"time":"…","active_power_w":…,"branches":{"7":{"active_power_w":…}}}, branches by
/// number, one without any known value left out; an accelerator has "uuid" after "time" where it is
/// known; a scope's window begins with "start" (`time` less the window's length, which is its source's
/// `interval`). An unknown value leaves its key out. FLOP has an exponent, a method is its name.
class JsonLayout {
 public:
  explicit JsonLayout(SourcePtr source);

  [[nodiscard]] const SourcePtr& source() const { return source_; }

  /// Appends the object. `set` must be of this source. seq 0: not stored, so without "seq".
  void append(std::string& out, const ReadingSet& set, std::uint64_t seq = 0) const;

 private:
  enum class Form : std::uint8_t { number, with_exponent, method };
  struct Key {
    std::size_t index;  // in ReadingSet::values
    Form form;
    std::string text;  // `,"active_power_w":`
  };
  struct Branch {
    std::string text;  // `"7":{`
    std::vector<Key> keys;
  };

  void add(const Key& key, Channel channel);
  static void append_known(std::string& out, const std::vector<Key>& keys, const ReadingSet& set);
  void append_branches(std::string& out, const ReadingSet& set) const;

  SourcePtr source_;
  std::string identity_;  // `,"uuid":"…"` or nothing
  std::vector<Key> keys_;
  std::vector<Branch> branches_;  // by number
};

}  // namespace flopwatt
