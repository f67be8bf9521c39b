// JSON as it is written: numbers become the nearest doubles. The parser of Boost 1.81 alone may be off in the
// last digit, which makes a counter that stands still for one sender move for another.
#pragma once

#include <boost/json/value.hpp>
#include <boost/system/error_code.hpp>
#include <string_view>

namespace flopwatt {

/// The value of a whole text; null, and `error` set, where it is no JSON (RFC 8259), or nested deeper
/// than 32.
[[nodiscard]] boost::json::value parse_json(std::string_view text, boost::system::error_code& error);

/// Of a text that this program wrote: throws where it is no JSON.
[[nodiscard]] boost::json::value parse_json(std::string_view text);

}  // namespace flopwatt
