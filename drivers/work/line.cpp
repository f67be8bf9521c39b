#include "drivers/work/line.h"

#include <algorithm>
#include <charconv>
#include <cmath>

namespace flopwatt::work {
namespace {

/// Cuts the part before `separator` off the front of `rest`; without a separator all of it.
std::string_view take_part(std::string_view& rest, char separator) {
  const std::size_t end = rest.find(separator);
  const std::string_view part = rest.substr(0, end);
  rest = end == rest.npos ? std::string_view() : rest.substr(end + 1);
  return part;
}

Result<double, Refusal> parse_number(std::string_view text) {
  double value = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), value);
  if (end != text.data() + text.size() || error == std::errc::invalid_argument) return Refusal::syntax;
  if (error != std::errc() || !std::isfinite(value)) return Refusal::not_finite;
  if (text.front() == '-') return Refusal::negative;
  return value;
}

/// The numbers of a line, separated by colons. nullopt: good.
std::optional<Refusal> read_numbers(std::string_view text, Line& line) {
  std::size_t begin = 0, end = 0;
  for (; end != text.npos; begin = end + 1) {
    end = text.find(':', begin);
    const auto value = parse_number(text.substr(begin, end == text.npos ? end : end - begin));
    if (!value) return value.error();
    if (begin == 0) {
      line.flop = *value;
    } else if (line.is_running_total) {
      line.growth += growth_between(line.last, *value);
    } else {
      line.flop += *value;
    }
    line.last = *value;
  }
  if (!std::isfinite(line.flop) || !std::isfinite(line.growth)) return Refusal::not_finite;
  return std::nullopt;
}

/// The values of the tags that have a meaning; null: no such tag.
struct KnownTags {
  std::string_view accelerator, scope, precision, kind, job, rank;

  /// The member for the value of that tag; nullptr for other tags.
  std::string_view* find(std::string_view key) {
    if (key == "accelerator") return &accelerator;
    if (key == "scope") return &scope;
    if (key == "precision") return &precision;
    if (key == "kind") return &kind;
    if (key == "job") return &job;
    if (key == "rank") return &rank;
    return nullptr;
  }
};

/// False: a tag without a name, too many tags, or a tag with a meaning that has no value or comes twice.
bool read_tags(std::string_view tags, KnownTags& known) {
  for (std::size_t count = 0; !tags.empty(); ++count) {
    std::string_view tag = take_part(tags, ',');
    const std::string_view key = take_part(tag, ':');
    if (key.empty() || count == most_tags) return false;
    std::string_view* const value = known.find(key);
    if (value == nullptr) continue;
    if (tag.empty() || !value->empty()) return false;
    *value = tag;
  }
  return known.kind.empty() || known.kind == "model" || known.kind == "hardware";
}

/// The precision of that word; unknown words, and assumed_*, which only the configuration
/// may state, are `other`.
Place precision_of(std::string_view word) {
  if (word.empty()) return Place::unspecified_precision;
  const auto place = find_place(PlaceKind::precision, word);
  return place && !word.starts_with("assumed_") ? *place : Place::other_precision;
}

bool says_where_it_comes_from(std::string_view section) {
  return section.starts_with("c:") || section.starts_with("e:") || section.starts_with("card:");
}

bool is_rate_of_one(std::string_view text) {
  const auto rate = parse_number(text);
  return rate && *rate == 1;
}

bool is_time_stamp(std::string_view text) {
  return !text.empty() && text.find_first_not_of("0123456789") == text.npos;
}

/// The sections after number and type: at most one of tags.
std::optional<Refusal> read_sections(std::string_view rest, std::string_view& tags) {
  bool has_tags = false;
  while (!rest.empty()) {
    const std::string_view section = take_part(rest, '|');
    if (section.starts_with('@')) {
      if (!is_rate_of_one(section.substr(1))) return Refusal::sampling_rate;
      continue;
    }
    if (says_where_it_comes_from(section)) continue;
    if (section.starts_with('T') && is_time_stamp(section.substr(1))) continue;
    if (!section.starts_with('#') || has_tags) return Refusal::syntax;
    has_tags = true;
    tags = section.substr(1);
  }
  return std::nullopt;
}

/// A metric of another name (<name>:<value>|<type>), an event (_e{...}:) or a service check (_sc|), as
/// DogStatsD senders send them to the same socket.
bool is_foreign(std::string_view line) {
  if (line.starts_with("_sc|")) return true;
  const std::size_t colon = line.find(':');
  if (colon == line.npos || line.find('|', colon) == line.npos) return false;
  const std::string_view name = line.substr(0, colon);
  const auto is_visible = [](unsigned char byte) { return byte > ' ' && byte != '|' && byte != 0x7f; };
  return !name.empty() && name != "flop" && std::all_of(name.begin(), name.end(), is_visible);
}

}  // namespace

std::string_view name_of(Refusal refusal) {
  switch (refusal) {
    case Refusal::syntax:
      return "syntax";
    case Refusal::sampling_rate:
      return "sampling_rate";
    case Refusal::not_finite:
      return "not_finite";
    case Refusal::negative:
      return "negative";
    case Refusal::target:
      return "target";
    case Refusal::budget:
      return "budget";
    case Refusal::overflow:
      return "overflow";
    case Refusal::foreign:
      return "foreign";
  }
  return "";
}

double growth_between(double from, double to) { return to >= from ? to - from : to; }

Result<Line, Refusal> parse_line(std::string_view line) {
  constexpr std::string_view name = "flop:";
  if (is_foreign(line)) return Refusal::foreign;
  if (line.size() > longest_line || !line.starts_with(name)) return Refusal::syntax;
  std::string_view rest = line.substr(name.size());
  const std::string_view numbers = take_part(rest, '|');
  const std::string_view type = take_part(rest, '|');
  if (type != "c" && type != "g") return Refusal::syntax;
  Line result;
  result.is_running_total = type == "g";
  if (const auto refusal = read_sections(rest, result.tags)) return *refusal;
  if (const auto refusal = read_numbers(numbers, result)) return *refusal;
  KnownTags known;
  if (!read_tags(result.tags, known)) return Refusal::syntax;
  if (known.accelerator.empty() == known.scope.empty()) return Refusal::target;
  result.is_for_scope = !known.scope.empty();
  result.target = result.is_for_scope ? known.scope : known.accelerator;
  result.kind = known.kind == "model" ? WorkKind::model : WorkKind::hardware;
  result.precision = precision_of(known.precision);
  return result;
}

std::optional<std::string_view> take_line(std::string_view& datagram) {
  while (!datagram.empty()) {
    std::string_view line = take_part(datagram, '\n');
    if (line.ends_with('\r')) line.remove_suffix(1);
    if (!line.empty()) return line;
  }
  return std::nullopt;
}

void make_key(std::string_view tags, std::string& key) {
  std::array<std::string_view, most_tags> sorted;
  std::size_t count = 0;
  while (!tags.empty() && count < sorted.size()) sorted[count++] = take_part(tags, ',');
  const auto end = sorted.begin() + static_cast<std::ptrdiff_t>(count);
  std::sort(sorted.begin(), end);
  key.clear();
  std::for_each(sorted.begin(), std::unique(sorted.begin(), end),
                [&key](std::string_view tag) { key.append(tag).push_back(','); });
}

}  // namespace flopwatt::work
