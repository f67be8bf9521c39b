// A source as text: canonical JSON that uses names, so that a set is decoded years later with its layout and
// identity of then. A source has one text, and the text gives back an equal source.
//
//   {"kind":"meter","name":"pdu-a","identity":{"vendor":"Eastron",...,"branches":{"1":"psu1"}},"interval_us":1000000,
//    "effective_period_us":1000000,"accuracy":"0.005","ct_accuracy":"0","refresh_us":0,
//    "fields":[{"quantity":"voltage","phase":"L1","wire":7,"scale":"0.1","resolution":"0.1"},...]}
//
// Doubles are decimal strings, the shortest that give back the same bits, because JSON parsers round numbers.
// Empty and default values are left out. `wire` is the number of Wire.
#pragma once

#include <string>
#include <string_view>

#include "agent/store/record.h"
#include "readings/result.h"

namespace flopwatt::store {

/// Throws std::logic_error for a channel that is not in the table of quantities: such a source is a bug.
[[nodiscard]] std::string describe(const Source& source);

/// The layout, without a baseline. A field whose quantity or place this version does not know stays in the
/// layout and is left out of the source. The error names the fault of the text.
[[nodiscard]] Result<Layout, std::string> parse_description(std::string_view text);

}  // namespace flopwatt::store
