// Parses one line of counted work: statsd with tags as in DogStatsD. Pure, no allocation.
//
//   flop:<number>|c|#key:value,key:value      adds so many FLOP
//   flop:<number>|g|#key:value,key:value      the sender's running total
//
// Several numbers may be packed into a line (flop:1:2:3|c): they count as so many lines would.
// Tags: accelerator:<name, uuid or pci> or scope:<name>, precision, kind:model|hardware, job, rank.
// Other tags have no meaning, but belong to the set of tags that identifies a sender. Sections that DogStatsD
// senders add about their origin (c: e: card:) are ignored, and so is a time stamp (T<unix seconds>): a line
// counts when it arrives. A sampling rate (@) other than 1, or any other section, is a reason to refuse.
#pragma once

#include <array>
#include <cstddef>
#include <optional>
#include <string>
#include <string_view>

#include "drivers/work_intake.h"
#include "readings/quantity.h"
#include "readings/result.h"

namespace flopwatt::work {

/// Why a line is not counted: label `reason` of flopwatt_work_rejected_lines_total.
enum class Refusal : unsigned char {
  syntax,         ///< not of the form above, or too long
  sampling_rate,  ///< work is counted whole
  not_finite,     ///< the number is infinite, no number, or beyond what a double holds
  negative,       ///< the number has a minus sign
  target,         ///< neither accelerator nor scope, both, or an unknown one
  budget,         ///< more work than the target can have done
  overflow,       ///< too many running totals that count, or a datagram that is too large
  foreign,        ///< another metric, an event or a service check: no fault, and not logged
};

inline constexpr std::array all_refusals = {Refusal::syntax,   Refusal::sampling_rate, Refusal::not_finite,
                                            Refusal::negative, Refusal::target,        Refusal::budget,
                                            Refusal::overflow, Refusal::foreign};
[[nodiscard]] std::string_view name_of(Refusal refusal);

inline constexpr std::size_t longest_line = 1024;
inline constexpr std::size_t most_tags = 32;

/// Views into the line that was parsed, valid as long as that text.
struct Line {
  /// Floating-point operations, finite and not negative. Of a running total its first value, else all that
  /// the line adds.
  double flop = 0;
  bool is_running_total = false;
  double last = 0;    ///< value of a running total; differs from `flop` where several are packed
  double growth = 0;  ///< of a running total from `flop` to `last`
  WorkKind kind = WorkKind::hardware;
  bool is_for_scope = false;
  std::string_view target;
  Place precision = Place::unspecified_precision;
  std::string_view tags;  ///< all tags, as written
};

/// Work since a running total that was `from` and is `to` now: after a fall the new value counts whole.
[[nodiscard]] double growth_between(double from, double to);

[[nodiscard]] Result<Line, Refusal> parse_line(std::string_view line);

/// Cuts the next non-empty line off the front of `datagram` and returns it without its end (LF or CR LF);
/// nullopt at the end.
[[nodiscard]] std::optional<std::string_view> take_line(std::string_view& datagram);

/// Writes the tags of a Line into `key`. Every order of the same tags gives the same key.
void make_key(std::string_view tags, std::string& key);

}  // namespace flopwatt::work
