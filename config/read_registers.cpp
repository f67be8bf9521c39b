#include "config/read_registers.h"

#include <algorithm>
#include <array>
#include <cmath>
#include <optional>
#include <string>
#include <utility>

#include "config/map_reader.h"
#include "config/nearest.h"
#include "config/units.h"

namespace flopwatt {
namespace {

struct WireName {
  std::string_view name;
  Wire wire;
};
constexpr auto wire_names = std::to_array<WireName>({{"u16", Wire::u16},
                                                     {"i16", Wire::i16},
                                                     {"u32", Wire::u32},
                                                     {"i32", Wire::i32},
                                                     {"u64", Wire::u64},
                                                     {"i64", Wire::i64},
                                                     {"f32", Wire::f32},
                                                     {"f64", Wire::f64}});

std::string describe(const QuantityRow& row, Channel channel) {
  if (channel.place == Place::branch)
    return std::string(row.name) + " of branch " + std::to_string(channel.branch);
  const std::string_view label = label_of(channel.place);
  return std::string(row.name) + (label.empty() ? "" : " " + std::string(label));
}

// The words that may stand for a place of that kind in a meter.
std::vector<std::string_view> labels_of(PlaceKind kind, bool with_neutral) {
  if (kind == PlaceKind::lines) return {"L1-L2", "L2-L3", "L3-L1"};
  std::vector<std::string_view> labels = {"L1", "L2", "L3"};
  if (with_neutral) labels.emplace_back("N");
  return labels;
}

// How a quantity may be placed: "voltage is kept with 'phase' or 'lines'".
std::string placing_advice(std::string_view name) {
  std::vector<std::string_view> ways;
  for (const QuantityRow& row : quantity_table()) {
    if (row.source != SourceKind::meter || row.name != name) continue;
    if (row.place == PlaceKind::whole) ways.emplace_back("no place (the whole meter)");
    if (row.place == PlaceKind::phase) ways.emplace_back("'phase'");
    if (row.place == PlaceKind::lines) ways.emplace_back("'lines'");
    if (row.place == PlaceKind::branch) ways.emplace_back("'branch'");
  }
  return std::string(name) + " is kept with " + list_words(ways);
}

bool is_meter_quantity(std::string_view name) {
  return std::ranges::any_of(quantity_table(), [name](const QuantityRow& row) {
    return row.source == SourceKind::meter && row.name == name;
  });
}

void report_unknown_quantity(const YamlNode& node, Reporter& report) {
  std::vector<std::string_view> names;
  for (const QuantityRow& row : quantity_table())
    if (row.source == SourceKind::meter && std::ranges::find(names, row.name) == names.end())
      names.push_back(row.name);
  std::string message = "quantity: unknown quantity '" + node.text + "'";
  if (node.text == "energy_total")
    message += " (the sum of import and export is no import); write energy_import or energy_export";
  else
    message += suggestion(node.text, names);
  report.error(node.at, message);
}

struct PlaceChoice {
  PlaceKind kind = PlaceKind::whole;
  const YamlNode* node = nullptr;
  std::string_view key;
};

constexpr auto place_keys = std::to_array<std::pair<std::string_view, PlaceKind>>(
    {{"phase", PlaceKind::phase}, {"lines", PlaceKind::lines}, {"branch", PlaceKind::branch}});

constexpr std::int64_t highest_branch = 9999;

// Reads `quantity` with the key of its place.
class ChannelReader {
 public:
  explicit ChannelReader(MapReader& map) : map_(map), report_(map.report()) {}

  std::optional<Channel> read() {
    const YamlNode* quantity = map_.require("quantity");
    PlaceChoice choice;
    for (const auto& [key, kind] : place_keys) {
      const YamlNode* node = map_.find(key);
      if (node == nullptr) continue;
      if (choice.node != nullptr)
        return fail(node->at, std::string(key) + ": give either " + std::string(choice.key) + " or " +
                                  std::string(key) + ", not both");
      choice = {kind, node, key};
    }
    const std::string* name = quantity == nullptr ? nullptr : text_of(*quantity, "quantity", report_);
    if (name == nullptr) return std::nullopt;
    if (!is_meter_quantity(*name)) {
      report_unknown_quantity(*quantity, report_);
      return std::nullopt;
    }
    row_ = find_row(SourceKind::meter, *name, choice.kind);
    if (row_ == nullptr)
      return fail(choice.node != nullptr ? choice.node->at : quantity->at, placing_advice(*name));
    return choice.node == nullptr ? Channel{row_->quantity} : read_place(choice);
  }

  /// After a good read().
  [[nodiscard]] const QuantityRow& row() const { return *row_; }

 private:
  std::optional<Channel> fail(Position at, const std::string& message) {
    report_.error(at, message);
    return std::nullopt;
  }

  std::optional<Channel> read_branch() {
    std::int64_t number = 0;
    if (!map_.read_integer("branch", {1, highest_branch}, number)) return std::nullopt;
    return Channel{row_->quantity, Place::branch, static_cast<std::uint16_t>(number)};
  }

  std::optional<Channel> read_place(const PlaceChoice& choice) {
    if (choice.kind == PlaceKind::branch) return read_branch();
    const std::string* label = text_of(*choice.node, choice.key, report_);
    if (label == nullptr) return std::nullopt;
    // Only currents have a value on the neutral: voltages and powers are counted against it.
    const auto labels = labels_of(choice.kind, row_->quantity == Quantity::current);
    if (std::ranges::find(labels, *label) == labels.end())
      return fail(choice.node->at,
                  std::string(choice.key) + ": '" + *label + "'; write " + list_words(labels));
    return Channel{row_->quantity, *find_place(choice.kind, *label)};
  }

  MapReader& map_;
  Reporter& report_;
  const QuantityRow* row_ = nullptr;
};

// The factor from the unit of the entry to the held unit, 1 where none is written. `row` may be unknown
// (nullptr).
std::optional<double> read_unit(MapReader& map, const QuantityRow* row) {
  const YamlNode* node = map.find("unit");
  if (node == nullptr || row == nullptr) return 1.0;
  const std::string* unit = text_of(*node, "unit", map.report());
  if (unit == nullptr) return std::nullopt;
  const std::optional<double> factor = unit_factor(*unit, row->unit);
  if (!factor)
    map.report().error(node->at, "unit: '" + *unit + "' is no unit of " + std::string(row->name) +
                                     "; write " + list_words(units_for(row->unit)));
  return factor;
}

std::optional<double> read_scale(MapReader& map) {
  double scale = 1.0;
  const YamlNode* node = map.find("scale");
  if (node == nullptr) return scale;
  if (!map.read_number("scale", {-1e12, 1e12}, scale)) return std::nullopt;
  if (scale != 0.0) return scale;
  map.report().error(node->at,
                     "scale: 0 makes every value 0; write the factor from the raw value to the unit");
  return std::nullopt;
}

bool read_word_order(MapReader& map, WordOrder& order) {
  const YamlNode* node = map.find("word_order");
  if (node == nullptr) return true;
  const std::string* text = text_of(*node, "word_order", map.report());
  if (text == nullptr) return false;
  if (*text != "big" && *text != "little") {
    map.report().error(node->at,
                       "word_order: '" + *text + "'; write big (most significant register first) or little");
    return false;
  }
  order = *text == "big" ? WordOrder::big : WordOrder::little;
  return true;
}

struct PlacedRegister {
  Register reg;
  std::string name;  // as in messages
  Position at;
};

std::optional<PlacedRegister> read_register(const YamlNode& node, Reporter& report) {
  MapReader map(node, "a register", report);
  const std::size_t errors_before = report.error_count();
  ChannelReader channels(map);
  const std::optional<Channel> channel = channels.read();
  const std::optional<RegisterPlace> place = read_register_place(map);
  PlacedRegister result{{}, "", node.at};
  read_word_order(map, result.reg.word_order);
  const std::optional<double> scale = read_scale(map);
  const std::optional<double> factor = read_unit(map, channel ? &channels.row() : nullptr);
  double resolution = 0;
  map.read_number("resolution", {0, 1e12}, resolution);
  map.finish();
  if (report.error_count() != errors_before || !channel || !place || !scale || !factor) return std::nullopt;

  result.name = describe(channels.row(), *channel);
  result.reg.channel = *channel;
  result.reg.address = place->address;
  result.reg.function = place->function;
  result.reg.wire = place->wire;
  result.reg.scale = *scale * *factor;
  result.reg.resolution = resolution * *factor;
  return result;
}

bool overlap(const Register& a, const Register& b) {
  return a.function == b.function && a.address < b.address + b.width() && b.address < a.address + a.width();
}

// Against the good ones before it.
bool check_register(const PlacedRegister& added, const std::vector<PlacedRegister>& before,
                    const ReadLimits& limits, Reporter& report) {
  if (added.reg.width() > limits.max_registers) {
    report.error(added.at, added.name + " is " + std::to_string(added.reg.width()) +
                               " registers wide, but max_registers is " +
                               std::to_string(limits.max_registers));
    return false;
  }
  for (const PlacedRegister& other : before) {
    const std::string where = " (line " + std::to_string(other.at.line) + ")";
    if (other.reg.channel == added.reg.channel) {
      report.error(added.at, added.name + " is given twice" + where + "; keep the finer one");
      return false;
    }
    if (overlap(other.reg, added.reg)) {
      report.error(added.at, added.name + " at " + std::to_string(added.reg.address) + " overlaps " +
                                 other.name + " at " + std::to_string(other.reg.address) + where);
      return false;
    }
  }
  return true;
}

}  // namespace

std::uint16_t width_of(Wire wire) {
  switch (wire) {
    case Wire::u8:
    case Wire::u16:
    case Wire::i16:
      return 1;
    case Wire::u32:
    case Wire::i32:
    case Wire::f32:
      return 2;
    case Wire::u64:
    case Wire::i64:
    case Wire::f64:
      return 4;
  }
  return 1;
}

std::uint16_t Register::width() const { return width_of(wire); }

std::uint16_t ScaleRegister::width() const { return width_of(wire); }

std::uint16_t IdentifyingRegister::width() const {
  return text_registers > 0 ? text_registers : width_of(wire);
}

bool MeterProfile::has(Channel channel) const {
  return std::ranges::find(registers, channel, &Register::channel) != registers.end();
}

std::optional<RegisterPlace> read_register_place(MapReader& map) {
  Reporter& report = map.report();
  const std::size_t errors_before = report.error_count();
  std::int64_t address = 0;
  std::int64_t function = 3;
  const YamlNode* address_node = map.require("address");
  const bool has_address = map.read_integer("address", {0, 65535}, address);
  if (const YamlNode* node = map.require("function")) {
    function = integer_of(*node, "function", report).value_or(function);
    if (function != 3 && function != 4)
      report.error(node->at, "function: " + node->text +
                                 "; write 3 (holding registers) or 4 (input registers), flopwatt only reads");
  }
  RegisterPlace place;
  const YamlNode* type = map.require("type");
  const std::string* type_name = type == nullptr ? nullptr : text_of(*type, "type", report);
  if (type_name != nullptr) {
    const auto found = std::ranges::find(wire_names, *type_name, &WireName::name);
    if (found != wire_names.end()) {
      place.wire = found->wire;
    } else {
      std::vector<std::string_view> names;
      names.reserve(wire_names.size());
      for (const WireName& known : wire_names) names.push_back(known.name);
      report.error(type->at, "type: '" + *type_name + "'; write " + list_words(names));
    }
  }
  if (has_address && address + width_of(place.wire) > 65536)
    report.error(address_node->at, "address: a value of " + std::to_string(width_of(place.wire)) +
                                       " registers does not fit behind " + std::to_string(address) +
                                       "; the last register is 65535");
  if (report.error_count() != errors_before) return std::nullopt;
  place.address = static_cast<std::uint16_t>(address);
  place.function = static_cast<std::uint8_t>(function);
  return place;
}

std::vector<Register> read_registers(const YamlNode& list, const ReadLimits& limits, Reporter& report) {
  constexpr std::size_t most = 2048;
  const std::vector<YamlNode>& items = items_of(list, "registers", report);
  if (list.is_list() && (items.empty() || items.size() > most)) {
    report.error(list.at, "registers: write 1 to " + std::to_string(most) + " registers");
    return {};
  }
  std::vector<PlacedRegister> placed;
  for (const YamlNode& item : items) {
    std::optional<PlacedRegister> added = read_register(item, report);
    if (added && check_register(*added, placed, limits, report)) placed.push_back(std::move(*added));
  }
  std::vector<Register> registers;
  registers.reserve(placed.size());
  for (const PlacedRegister& one : placed) registers.push_back(one.reg);
  return registers;
}

}  // namespace flopwatt
