#include "runtime/text/json_parse.h"

#include <boost/json/basic_parser_impl.hpp>
#include <boost/json/value_stack.hpp>
#include <boost/system/system_error.hpp>
#include <charconv>
#include <cstddef>
#include <cstdint>
#include <string>

namespace flopwatt {
namespace {

namespace json = boost::json;
using boost::system::error_code;

// What basic_parser calls while it reads; its documentation names these functions and constants.
class Builder {
 public:
  static constexpr std::size_t max_object_size = json::object::max_size();
  static constexpr std::size_t max_array_size = json::array::max_size();
  static constexpr std::size_t max_key_size = json::string::max_size();
  static constexpr std::size_t max_string_size = json::string::max_size();

  Builder() { stack_.reset(); }

  json::value release() { return stack_.release(); }

  bool on_document_begin(error_code&) { return true; }
  bool on_document_end(error_code&) { return true; }
  bool on_object_begin(error_code&) { return true; }
  bool on_object_end(std::size_t count, error_code&) { return stack_.push_object(count), true; }
  bool on_array_begin(error_code&) { return true; }
  bool on_array_end(std::size_t count, error_code&) { return stack_.push_array(count), true; }
  bool on_key_part(json::string_view part, std::size_t, error_code&) { return stack_.push_chars(part), true; }
  bool on_key(json::string_view part, std::size_t, error_code&) { return stack_.push_key(part), true; }
  bool on_string_part(json::string_view part, std::size_t, error_code&) {
    return stack_.push_chars(part), true;
  }
  bool on_string(json::string_view part, std::size_t, error_code&) { return stack_.push_string(part), true; }
  bool on_number_part(json::string_view part, error_code&) { return number_.append(part), true; }
  bool on_int64(std::int64_t number, json::string_view, error_code&) { return push(number); }
  bool on_uint64(std::uint64_t number, json::string_view, error_code&) { return push(number); }
  bool on_double(double number, json::string_view part, error_code&) {
    number_.append(part);
    std::from_chars(number_.data(), number_.data() + number_.size(), number);  // too large or small: stays
    return push(number);
  }
  bool on_bool(bool truth, error_code&) { return stack_.push_bool(truth), true; }
  bool on_null(error_code&) { return stack_.push_null(), true; }
  bool on_comment_part(json::string_view, error_code&) { return true; }
  bool on_comment(json::string_view, error_code&) { return true; }

 private:
  template <class Number>
  bool push(Number number) {
    number_.clear();
    if constexpr (std::is_same_v<Number, double>)
      stack_.push_double(number);
    else if constexpr (std::is_signed_v<Number>)
      stack_.push_int64(number);
    else
      stack_.push_uint64(number);
    return true;
  }

  json::value_stack stack_;
  std::string number_;  // its text so far
};

}  // namespace

json::value parse_json(std::string_view text, error_code& error) {
  json::basic_parser<Builder> parser({});
  const std::size_t read = parser.write_some(false, text.data(), text.size(), error);
  if (!error && read < text.size()) error = json::error::extra_data;
  return error ? json::value() : parser.handler().release();
}

json::value parse_json(std::string_view text) {
  error_code error;
  json::value value = parse_json(text, error);
  if (error) throw boost::system::system_error(error);
  return value;
}

}  // namespace flopwatt
