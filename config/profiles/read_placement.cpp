#include "config/profiles/read_placement.h"

#include <algorithm>
#include <array>
#include <utility>
#include <vector>

#include "config/profiles/parse_ranges.h"
#include "config/yaml/nearest.h"

namespace flopwatt {
namespace {

constexpr auto place_keys = std::to_array<std::pair<std::string_view, PlaceKind>>(
    {{"phase", PlaceKind::phase}, {"lines", PlaceKind::lines}, {"branch", PlaceKind::branch}});
constexpr std::string_view part_key = "part";
constexpr std::uint16_t highest_branch = 9999;

// The words that may stand for a place of that kind in a meter.
std::vector<std::string_view> labels_of(PlaceKind kind, bool with_neutral) {
  if (kind == PlaceKind::lines) return {"L1-L2", "L2-L3", "L3-L1"};
  std::vector<std::string_view> labels = {"L1", "L2", "L3"};
  if (with_neutral) labels.emplace_back("N");
  return labels;
}

bool is_published_of_meter(const QuantityRow& row) { return row.source == SourceKind::meter; }

bool is_published(std::string_view name) {
  return std::ranges::any_of(quantity_table(), [name](const QuantityRow& row) {
    return is_published_of_meter(row) && row.name == name;
  });
}

bool is_known(std::string_view name) {
  return is_published(name) ||
         std::ranges::find(unpublished_table(), name, &UnpublishedRow::quantity) != unpublished_table().end();
}

std::vector<std::string_view> published_quantities() {
  std::vector<std::string_view> names;
  for (const QuantityRow& row : quantity_table())
    if (is_published_of_meter(row) && std::ranges::find(names, row.name) == names.end())
      names.push_back(row.name);
  return names;
}

// The near word may be of an unpublished one; the list would be too long with them.
std::string quantity_advice(std::string_view name, Unpublished unpublished) {
  std::vector<std::string_view> names = published_quantities();
  std::string advice = suggestion(name, names);
  if (unpublished == Unpublished::refused || !nearest_word(name, names).empty()) return advice;
  for (const UnpublishedRow& row : unpublished_table()) names.push_back(row.quantity);
  return nearest_word(name, names).empty() ? advice : suggestion(name, names);
}

std::string_view way_to_write(PlaceKind kind) {
  switch (kind) {
    case PlaceKind::phase:
      return "'phase'";
    case PlaceKind::lines:
      return "'lines'";
    case PlaceKind::branch:
      return "'branch'";
    default:
      return "no place (the whole meter)";
  }
}

// How a quantity may be placed: "voltage is kept with 'phase' or 'lines'; known, not read: with 'branch'".
std::string placing_advice(std::string_view name, Unpublished unpublished) {
  std::vector<std::string_view> kept;
  for (const QuantityRow& row : quantity_table())
    if (is_published_of_meter(row) && row.name == name) kept.push_back(way_to_write(row.place));
  std::vector<std::string_view> known;
  if (unpublished == Unpublished::allowed)
    for (const UnpublishedRow& row : unpublished_table()) {
      const std::string_view way = row.part.empty() ? way_to_write(row.place) : "'part'";
      if (row.quantity == name && std::ranges::find(known, way) == known.end()) known.push_back(way);
    }
  std::string advice(name);
  if (!kept.empty()) advice += " is kept with " + list_words(kept);
  if (!known.empty())
    advice += std::string(kept.empty() ? " is not published; it is" : "; not published, it is") +
              " written with " + list_words(known);
  return advice;
}

class PlacementReader {
 public:
  PlacementReader(MapReader& map, Unpublished unpublished)
      : map_(map), report_(map.report()), unpublished_(unpublished) {}

  std::optional<Placement> read() {
    const YamlNode* quantity = map_.require("quantity");
    if (!find_place_key()) return std::nullopt;
    const std::string* name = quantity == nullptr ? nullptr : text_of(*quantity, "quantity", report_);
    if (name == nullptr) return std::nullopt;
    if (!is_known(*name))
      return fail(quantity->at, "quantity: unknown quantity '" + name->substr(0, 60) + "'" +
                                    quantity_advice(*name, unpublished_));
    if (unpublished_ == Unpublished::refused && !is_published(*name))
      return fail(quantity->at, not_published(*name));
    if (key_ == part_key) return read_part(*name);

    Placement result;
    result.row = find_row(SourceKind::meter, *name, kind_);
    if (result.row == nullptr && unpublished_ == Unpublished::allowed)
      result.unpublished = find_unpublished(*name, kind_);
    if (result.row == nullptr && result.unpublished == nullptr)
      return fail(node_ != nullptr ? node_->at : quantity->at, placing_advice(*name, unpublished_));
    result.quantity = result.row != nullptr ? result.row->name : result.unpublished->quantity;
    if (result.row != nullptr) result.channel.quantity = result.row->quantity;
    if (node_ == nullptr) return result;
    return kind_ == PlaceKind::branch ? read_branches(result) : read_label(result);
  }

 private:
  std::optional<Placement> fail(Position at, const std::string& message) {
    report_.error(at, message);
    return std::nullopt;
  }

  // false: two of them are written, reported.
  bool find_place_key() {
    bool good = true;
    const auto take = [&](std::string_view key, PlaceKind kind) {
      const YamlNode* node = map_.find(key);
      if (node == nullptr || !good) return;
      good = node_ == nullptr;
      if (!good)
        report_.error(node->at, std::string(key) + ": give either " + std::string(key_) + " or " +
                                    std::string(key) + ", not both");
      node_ = node;
      key_ = key;
      kind_ = kind;
    };
    for (const auto& [key, kind] : place_keys) take(key, kind);
    if (unpublished_ == Unpublished::allowed) take(part_key, PlaceKind::whole);
    return good;
  }

  static std::string not_published(std::string_view name) {
    const auto row = std::ranges::find(unpublished_table(), name, &UnpublishedRow::quantity);
    return "quantity: " + std::string(name) + " is not published (" + std::string(row->reason) +
           "); remove it";
  }

  std::optional<Placement> read_part(const std::string& name) {
    const std::string* part = text_of(*node_, part_key, report_);
    if (part == nullptr) return std::nullopt;
    const UnpublishedRow* row = find_unpublished_part(name, *part);
    if (row != nullptr) return Placement{nullptr, row, {}, 1, row->quantity, *part};
    std::vector<std::string_view> parts;
    for (const UnpublishedRow& known : unpublished_table())
      if (known.quantity == name && !known.part.empty()) parts.push_back(known.part);
    return fail(node_->at, "part: '" + part->substr(0, 60) + "' is no known part of " + name +
                               (parts.empty() ? "; it has none" : suggestion(*part, parts)));
  }

  std::optional<Placement> read_branches(Placement& result) {
    const std::string* text = text_of(*node_, "branch", report_);
    if (text == nullptr) return std::nullopt;
    const Parsed<AddressRange> range = parse_range(*text);
    if (!range.value) return fail(node_->at, "branch: '" + text->substr(0, 60) + "'; " + range.advice);
    if (range.value->first == 0 || range.value->last > highest_branch)
      return fail(node_->at,
                  "branch: " + *text + " is out of range; write 1 to " + std::to_string(highest_branch));
    result.channel.place = Place::branch;
    result.channel.branch = range.value->first;
    result.branches = static_cast<std::uint16_t>(range.value->last - range.value->first + 1);
    result.place = result.branches == 1 ? "branch " + std::to_string(range.value->first)
                                        : "branches " + std::to_string(range.value->first) + "-" +
                                              std::to_string(range.value->last);
    return result;
  }

  std::optional<Placement> read_label(Placement& result) {
    const std::string* label = text_of(*node_, key_, report_);
    if (label == nullptr) return std::nullopt;
    // Only currents have a value on the neutral: voltages and powers are counted against it.
    const auto labels = labels_of(kind_, result.row != nullptr && result.row->quantity == Quantity::current);
    if (std::ranges::find(labels, *label) == labels.end())
      return fail(node_->at,
                  std::string(key_) + ": '" + label->substr(0, 60) + "'; write " + list_words(labels));
    result.channel.place = *find_place(kind_, *label);
    result.place = *label;
    return result;
  }

  MapReader& map_;
  Reporter& report_;
  Unpublished unpublished_;
  const YamlNode* node_ = nullptr;  // of the place's key
  std::string_view key_;
  PlaceKind kind_ = PlaceKind::whole;
};

}  // namespace

std::string_view Placement::unit() const { return row != nullptr ? row->unit : unpublished->unit; }

std::string Placement::name(std::uint16_t offset) const {
  const std::string text(quantity);
  if (branches > 1) return text + " of branch " + std::to_string(channel.branch + offset);
  if (channel.place == Place::branch) return text + " of " + place;
  return place.empty() ? text : text + " " + place;
}

std::optional<Placement> read_placement(MapReader& map, Unpublished unpublished) {
  return PlacementReader(map, unpublished).read();
}

}  // namespace flopwatt
