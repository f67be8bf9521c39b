// Parses JSON; numbers become the nearest doubles. The parser of Boost 1.81 alone may be off in the last
// digit, so that a counter which stands still for one sender moves for another.
#pragma once

#include <boost/json/value.hpp>
#include <boost/system/error_code.hpp>
#include <string_view>

namespace flopwatt {

/// The value of a whole text. If the text is no JSON (RFC 8259) or is nested deeper than 32, returns
/// null and sets `error`.
[[nodiscard]] boost::json::value parse_json(std::string_view text, boost::system::error_code& error);

/// The same for a text that this program wrote: throws if the text is no JSON.
[[nodiscard]] boost::json::value parse_json(std::string_view text);

}  // namespace flopwatt
