// The report for people.
#include <algorithm>
#include <array>
#include <cmath>
#include <cstdio>
#include <string_view>

#include "agent/commands/read/report.h"

namespace flopwatt::commands {
namespace {

namespace json = boost::json;

constexpr std::size_t columns = 96;
constexpr std::size_t label_width = 26;
constexpr std::size_t number_width = 14;

struct Shown {
  std::string number;
  std::string unit;
};

/// `digits` significant ones, without trailing zeros and without an exponent.
std::string rounded(double value, int digits) {
  const int whole = value == 0 ? 1 : static_cast<int>(std::floor(std::log10(std::abs(value)))) + 1;
  std::array<char, 64> buffer{};
  const int decimals = std::clamp(digits - whole, 0, 12);
  const int length = std::snprintf(buffer.data(), buffer.size(), "%.*f", decimals, value);
  std::string text(buffer.data(), std::min(static_cast<std::size_t>(length), buffer.size() - 1));
  if (text.find('.') == std::string::npos) return text;
  text.erase(text.find_last_not_of('0') + 1);
  if (text.ends_with('.')) text.pop_back();
  return text;
}

/// With the prefix that leaves 1 to 999 before the point; units that take none stay as they are.
Shown with_prefix(double value, std::string_view unit, int digits) {
  constexpr std::array<std::string_view, 9> decimal = {"", "k", "M", "G", "T", "P", "E", "Z", "Y"};
  constexpr std::array<std::string_view, 5> binary = {"", "Ki", "Mi", "Gi", "Ti"};
  constexpr std::array<std::string_view, 9> prefixed = {"W", "VA", "var", "Wh", "J", "Hz", "V", "A", "FLOP"};
  if (unit == "1") return {rounded(value, digits), ""};
  if (unit == "degC") return {rounded(value, digits), "°C"};
  const bool bytes = unit == "B";
  if (!bytes && std::ranges::find(prefixed, unit) == prefixed.end())
    return {rounded(value, digits), std::string(unit)};
  const double step = bytes ? 1024.0 : 1000.0;
  const std::size_t most = bytes ? binary.size() - 1 : decimal.size() - 1;
  std::size_t prefix = 0;
  while (prefix < most && std::abs(value) >= step) {
    value /= step;
    ++prefix;
  }
  return {rounded(value, digits), std::string(bytes ? binary[prefix] : decimal[prefix]) + std::string(unit)};
}

Shown shown(const Key& key, const json::value& value) {
  if (value.is_string()) return {std::string(value.get_string()), ""};
  constexpr int gauge_digits = 5;
  constexpr int counter_digits = 9;  // of a total the last digits move
  const int digits = key.row->kind == ValueKind::counter ? counter_digits : gauge_digits;
  return with_prefix(value.is_number() ? value.to_number<double>() : 0, key.row->unit, digits);
}

std::string label_for(const Key& key) {
  std::string label;
  if (key.channel.place == Place::branch) label = "branch " + std::to_string(key.channel.branch) + ' ';
  label += key.row->name;
  std::ranges::replace(label, '_', ' ');
  const std::string_view place = label_of(key.channel.place);
  return place.empty() ? label : label + ' ' + std::string(place);
}

std::size_t width_of(std::string_view text) {
  return static_cast<std::size_t>(
      std::ranges::count_if(text, [](char c) { return (static_cast<unsigned char>(c) & 0xC0U) != 0x80U; }));
}

void append_figure(std::string& out, const SourceReport& source, const Key& key, const json::value& value) {
  std::string label = label_for(key);
  // It counts from the first of the two samples that this command takes.
  if (key.channel.quantity == Quantity::work && !source.from_agent) label += " during this command";
  const Shown figure = shown(key, value);
  const std::size_t wide = width_of(figure.number);
  out += "  " + label;
  out.append(label.size() < label_width ? label_width - label.size() : 1, ' ');
  out.append(wide < number_width ? number_width - wide : 0, ' ');
  out += figure.number;
  if (!figure.unit.empty()) out += ' ' + figure.unit;
  out += '\n';
}

/// Words, broken at blanks so that no line is wider than the table where that can be.
void append_wrapped(std::string& out, std::string_view text, std::size_t indent) {
  std::size_t column = 0;
  while (!text.empty()) {
    const std::string_view word = text.substr(0, text.find(' '));
    text.remove_prefix(std::min(text.size(), word.size() + 1));
    if (column > 0 && column + 1 + word.size() > columns) {
      out += '\n';
      column = 0;
    }
    if (column == 0) {
      out.append(indent, ' ');
      column = indent;
    } else {
      out += ' ';
      ++column;
    }
    out += word;
    column += word.size();
  }
  out += '\n';
}

void append_missing(std::string& out, const SourceReport& source) {
  std::vector<std::string_view> told;
  for (const Missing& first : source.missing) {
    if (std::ranges::find(told, first.reason) != told.end()) continue;
    told.push_back(first.reason);
    std::string labels;
    for (const Missing& same : source.missing) {
      if (same.reason != first.reason) continue;
      const auto key = std::ranges::find(source.keys, same.key, &Key::text);
      labels +=
          (labels.empty() ? "missing: " : ", ") + (key == source.keys.end() ? same.key : label_for(*key));
    }
    append_wrapped(out, labels, 2);
    append_wrapped(out, first.reason, 6);
  }
}

std::string heading(const SourceReport& source) {
  std::string line = source.name + "  " + std::string(name_of(source.kind));
  if (!source.description.empty()) line += ", " + source.description;
  if (source.from_agent)
    line +=
        ", from the running agent" +
        (source.age_s ? ", " + rounded(std::round(*source.age_s * 10) / 10, 6) + " s old" : std::string());
  const json::value* time = source.figures.if_contains("time");
  if (time != nullptr && time->is_string() && !source.from_agent)
    line += ", " + std::string(time->get_string());
  return line + '\n';
}

}  // namespace

std::string table_text(const Report& report) {
  std::string out;
  for (const SourceReport& source : report.sources) {
    if (!out.empty()) out += '\n';
    out += heading(source);
    if (!source.up()) {
      append_wrapped(out, "DOWN: " + source.fault, 2);
      continue;
    }
    for (const auto& key : source.keys)
      if (const json::value* value = find_figure(source.figures, key.text))
        append_figure(out, source, key, *value);
    append_missing(out, source);
    for (const std::string& one : source.contradictions) append_wrapped(out, "warning: " + one, 2);
  }
  for (const ScopeReport& scope : report.scopes) {
    if (!out.empty()) out += '\n';
    out += scope.name + "  scope, from the running agent";
    if (scope.power_w) {
      const Shown power = with_prefix(*scope.power_w, "W", 5);
      out += ", " + power.number + ' ' + power.unit;
    }
    out += '\n';
    for (const WindowReport& window : scope.windows) append_wrapped(out, window_text(window), 2);
  }
  return out;
}

}  // namespace flopwatt::commands
