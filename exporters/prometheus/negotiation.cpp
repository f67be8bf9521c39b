#include "exporters/prometheus/negotiation.h"

#include <algorithm>
#include <cctype>
#include <charconv>
#include <optional>

namespace flopwatt::prometheus {
namespace {

std::string_view trimmed(std::string_view text) {
  constexpr std::string_view blanks = " \t";
  const std::size_t first = text.find_first_not_of(blanks);
  if (first == std::string_view::npos) return {};
  return text.substr(first, text.find_last_not_of(blanks) - first + 1);
}

// Cuts off and returns what stands before the next `separator`.
std::string_view take_until(std::string_view& rest, char separator) {
  const std::size_t end = std::min(rest.find(separator), rest.size());
  const std::string_view part = trimmed(rest.substr(0, end));
  rest.remove_prefix(std::min(end + 1, rest.size()));
  return part;
}

bool equal_ignoring_case(std::string_view a, std::string_view b) {
  return std::ranges::equal(
      a, b, [](unsigned char x, unsigned char y) { return std::tolower(x) == std::tolower(y); });
}

// One element of such a header: `name;key=value;q=0.5`.
struct Element {
  std::string_view name;
  std::string_view version;  // parameter of that name, "" without
  double weight = 1;
};

// 0 to 1; what is none is taken as a refusal.
double weight_of(std::string_view text) {
  double weight = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), weight);
  const bool good = error == std::errc{} && end == text.data() + text.size() && weight >= 0 && weight <= 1;
  return good ? weight : 0;
}

Element element_of(std::string_view text) {
  Element element{.name = take_until(text, ';'), .version = {}};
  while (!text.empty()) {
    std::string_view parameter = take_until(text, ';');
    const std::string_view key = take_until(parameter, '=');
    std::string_view value = trimmed(parameter);
    if (value.size() >= 2 && value.front() == '"' && value.back() == '"')
      value = value.substr(1, value.size() - 2);
    if (equal_ignoring_case(key, "version")) element.version = value;
    if (equal_ignoring_case(key, "q")) element.weight = weight_of(value);
  }
  return element;
}

// Raises `weight` to that of an element that fits.
void raise(std::optional<double>& weight, const Element& element) {
  weight = std::max(weight.value_or(0), element.weight);
}

}  // namespace

PageFormat choose_format(std::string_view accept) {
  std::optional<double> openmetrics, classic, any_text, anything;
  while (!accept.empty()) {
    const Element element = element_of(take_until(accept, ','));
    const auto is = [&](std::string_view type, std::string_view version) {
      return equal_ignoring_case(element.name, type) &&
             (element.version.empty() || element.version == version);
    };
    if (is("application/openmetrics-text", "1.0.0")) raise(openmetrics, element);
    if (is("text/plain", "0.0.4")) raise(classic, element);
    if (is("text/*", "")) raise(any_text, element);
    if (is("*/*", "")) raise(anything, element);
  }
  // The most specific name decides, whatever the weights of wider names (RFC 9110, 12.5.1).
  const double for_classic = classic ? *classic : any_text ? *any_text : anything.value_or(0);
  const double for_openmetrics = openmetrics.value_or(0);
  return for_openmetrics > 0 && for_openmetrics >= for_classic ? PageFormat::openmetrics
                                                               : PageFormat::classic;
}

bool accepts_gzip(std::string_view accept_encoding) {
  std::optional<double> gzip, anything;
  double identity = 0;
  while (!accept_encoding.empty()) {
    const Element element = element_of(take_until(accept_encoding, ','));
    if (equal_ignoring_case(element.name, "gzip") || equal_ignoring_case(element.name, "x-gzip"))
      raise(gzip, element);
    if (element.name == "*") raise(anything, element);
    if (equal_ignoring_case(element.name, "identity")) identity = element.weight;
  }
  const double weight = gzip ? *gzip : anything.value_or(0);
  return weight > 0 && weight >= identity;
}

}  // namespace flopwatt::prometheus
