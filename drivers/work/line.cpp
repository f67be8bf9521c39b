#include "drivers/work/line.h"

#include <algorithm>
#include <charconv>
#include <cmath>

namespace flopwatt::work {
namespace {

/// Cuts the part before `separator` off the front of `rest`; all of it where there is none.
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

/// The values of the tags that mean something; null where a tag is not there.
struct KnownTags {
  std::string_view accelerator, scope, precision, kind, job, rank;

  /// Where the value of that tag goes; nullptr for other tags.
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

/// False: a tag without a name, too many, or one with a meaning that has no value or comes twice.
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

/// A word that names none of the precisions that are kept apart; what only configuration says (assumed_*) is
/// none.
Place precision_of(std::string_view word) {
  if (word.empty()) return Place::unspecified_precision;
  const auto place = find_place(PlaceKind::precision, word);
  return place && !word.starts_with("assumed_") ? *place : Place::other_precision;
}

bool says_where_it_comes_from(std::string_view section) {
  return section.starts_with("c:") || section.starts_with("e:") || section.starts_with("card:");
}

/// What stands after number and type: at most one section of tags.
std::optional<Refusal> read_sections(std::string_view rest, std::string_view& tags) {
  bool has_tags = false;
  while (!rest.empty()) {
    const std::string_view section = take_part(rest, '|');
    if (section.starts_with('@')) return Refusal::sampling_rate;
    if (says_where_it_comes_from(section)) continue;
    if (!section.starts_with('#') || has_tags) return Refusal::syntax;
    has_tags = true;
    tags = section.substr(1);
  }
  return std::nullopt;
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
  }
  return "";
}

Result<Line, Refusal> parse_line(std::string_view line) {
  constexpr std::string_view name = "flop:";
  if (line.size() > longest_line || !line.starts_with(name)) return Refusal::syntax;
  std::string_view rest = line.substr(name.size());
  const std::string_view number = take_part(rest, '|');
  const std::string_view type = take_part(rest, '|');
  if (type != "c" && type != "g") return Refusal::syntax;
  Line result;
  result.is_running_total = type == "g";
  if (const auto refusal = read_sections(rest, result.tags)) return *refusal;
  const auto flop = parse_number(number);
  if (!flop) return flop.error();
  result.flop = *flop;
  KnownTags known;
  if (!read_tags(result.tags, known)) return Refusal::syntax;
  if (known.accelerator.empty() == known.scope.empty()) return Refusal::target;
  result.is_for_scope = !known.scope.empty();
  result.target = result.is_for_scope ? known.scope : known.accelerator;
  result.precision = precision_of(known.precision);
  return result;
}

std::optional<std::string_view> take_line(std::string_view& datagram) {
  while (!datagram.empty())
    if (const std::string_view line = take_part(datagram, '\n'); !line.empty()) return line;
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
