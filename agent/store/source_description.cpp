#include "agent/store/source_description.h"

#include <algorithm>
#include <array>
#include <boost/json.hpp>
#include <charconv>
#include <stdexcept>
#include <utility>

namespace flopwatt::store {
namespace {

namespace json = boost::json;

template <class T>
using Names = std::pair<T, std::string_view>;

constexpr auto energy_sources =
    std::to_array<Names<EnergySource>>({{EnergySource::none, "none"},
                                        {EnergySource::counter, "counter"},
                                        {EnergySource::integrated, "integrated"}});
/// The key that holds the place of a field.
constexpr auto place_keys = std::to_array<Names<PlaceKind>>({{PlaceKind::phase, "phase"},
                                                             {PlaceKind::lines, "lines"},
                                                             {PlaceKind::pipe, "pipe"},
                                                             {PlaceKind::precision, "precision"},
                                                             {PlaceKind::branch, "branch"},
                                                             {PlaceKind::method, "method"}});
constexpr auto identity_texts =
    std::to_array<Names<std::string Identity::*>>({{&Identity::vendor, "vendor"},
                                                   {&Identity::model, "model"},
                                                   {&Identity::serial, "serial"},
                                                   {&Identity::profile, "profile"},
                                                   {&Identity::accuracy_class, "accuracy_class"},
                                                   {&Identity::feed, "feed"},
                                                   {&Identity::uuid, "uuid"},
                                                   {&Identity::pci, "pci"},
                                                   {&Identity::driver, "driver"}});

template <class Table, class T>
std::string_view name_in(const Table& table, T value) {
  return std::ranges::find(table, value, &Table::value_type::first)->second;
}

std::string decimal(double value) {
  std::array<char, 32> text{};
  return {text.data(), std::to_chars(text.data(), text.data() + text.size(), value).ptr};
}

void put_unless(json::object& object, std::string_view key, double value, double usual) {
  if (value != usual) object[key] = decimal(value);
}

json::object field_object(SourceKind kind, const Field& field) {
  const QuantityRow* row = find_row(kind, field.channel);
  if (row == nullptr)
    throw std::logic_error("a source has a channel that the table of quantities does not have");
  json::object object{{"quantity", row->name}};
  const PlaceKind place = kind_of(field.channel.place);
  if (place == PlaceKind::branch)
    object["branch"] = field.channel.branch;
  else if (place != PlaceKind::whole)
    object[name_in(place_keys, place)] = label_of(field.channel.place);
  object["wire"] = static_cast<int>(field.wire);
  put_unless(object, "scale", field.scale, 1.0);
  put_unless(object, "resolution", field.resolution, 0.0);
  return object;
}

json::object identity_object(const Identity& identity) {
  json::object object;
  for (const auto& [member, key] : identity_texts)
    if (!(identity.*member).empty()) object[key] = identity.*member;
  if (identity.energy_source != EnergySource::none)
    object["energy_source"] = name_in(energy_sources, identity.energy_source);
  json::object branches;
  for (const auto& [branch, label] : identity.branch_labels) branches[std::to_string(branch)] = label;
  if (!branches.empty()) object["branches"] = std::move(branches);
  return object;
}

// Reading. What is wrong is thrown inside this file only and becomes the error of parse_description().

struct Unreadable {
  std::string what;
};

template <class Table>
auto value_in(const Table& table, std::string_view name) {
  const auto found = std::ranges::find(table, name, &Table::value_type::second);
  if (found == table.end()) throw Unreadable{"unknown word \"" + std::string(name) + "\""};
  return found->first;
}

std::string_view text_at(const json::object& object, std::string_view key, std::string_view usual = {}) {
  const json::value* value = object.if_contains(key);
  if (value == nullptr) return usual;
  if (!value->is_string()) throw Unreadable{"\"" + std::string(key) + "\" is no text"};
  return value->get_string();
}

std::int64_t integer_at(const json::object& object, std::string_view key) {
  const json::value* value = object.if_contains(key);
  if (value == nullptr || !value->is_int64()) throw Unreadable{"\"" + std::string(key) + "\" is no integer"};
  return value->get_int64();
}

double number_at(const json::object& object, std::string_view key, double usual) {
  const std::string_view text = text_at(object, key);
  if (text.empty()) return usual;
  double value = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), value);
  if (error != std::errc{} || end != text.data() + text.size())
    throw Unreadable{"\"" + std::string(key) + "\" is no number"};
  return value;
}

const json::value& member(const json::object& object, std::string_view key) {
  const json::value* value = object.if_contains(key);
  if (value == nullptr) throw Unreadable{"\"" + std::string(key) + "\" is missing"};
  return *value;
}

const json::object& as_object(const json::value& value) {
  if (!value.is_object()) throw Unreadable{"an object is expected"};
  return value.get_object();
}

/// nullopt: this version does not know it.
std::optional<Channel> channel_of(SourceKind kind, const json::object& object) {
  PlaceKind place_kind = PlaceKind::whole;
  for (const auto& [candidate, key] : place_keys)
    if (object.contains(key)) place_kind = candidate;
  const QuantityRow* row = find_row(kind, text_at(object, "quantity"), place_kind);
  if (row == nullptr) return std::nullopt;
  if (place_kind == PlaceKind::whole) return Channel{row->quantity, Place::whole, 0};
  if (place_kind == PlaceKind::branch)
    return Channel{row->quantity, Place::branch, static_cast<std::uint16_t>(integer_at(object, "branch"))};
  const auto place = find_place(place_kind, text_at(object, name_in(place_keys, place_kind)));
  if (!place) return std::nullopt;
  return Channel{row->quantity, *place, 0};
}

Wire wire_of(std::int64_t number) {
  if (number < static_cast<int>(Wire::u16) || number > static_cast<int>(Wire::u8))
    throw Unreadable{"unknown wire type " + std::to_string(number)};
  return static_cast<Wire>(number);
}

SourceKind kind_of_name(std::string_view name) {
  const auto* const found =
      std::ranges::find_if(all_source_kinds, [&](SourceKind kind) { return name_of(kind) == name; });
  if (found == all_source_kinds.end())
    throw Unreadable{"unknown kind of source \"" + std::string(name) + "\""};
  return *found;
}

std::uint16_t branch_of(std::string_view text) {
  std::uint16_t branch = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), branch);
  if (error != std::errc{} || end != text.data() + text.size())
    throw Unreadable{"\"" + std::string(text) + "\" is no branch"};
  return branch;
}

Identity identity_of(const json::object& object) {
  Identity identity;
  for (const auto& [member_pointer, key] : identity_texts) identity.*member_pointer = text_at(object, key);
  identity.energy_source = value_in(energy_sources, text_at(object, "energy_source", "none"));
  if (const json::value* branches = object.if_contains("branches"))
    for (const auto& [branch, label] : as_object(*branches)) {
      if (!label.is_string()) throw Unreadable{"the label of a branch is no text"};
      identity.branch_labels[branch_of({branch.data(), branch.size()})] = label.get_string();
    }
  return identity;
}

Layout layout_of(const json::object& object) {
  auto source = std::make_shared<Source>();
  source->kind = kind_of_name(text_at(object, "kind"));
  source->name = text_at(object, "name");
  source->identity = identity_of(as_object(member(object, "identity")));
  source->interval = std::chrono::microseconds(integer_at(object, "interval_us"));
  source->effective_period = std::chrono::microseconds(integer_at(object, "effective_period_us"));
  source->accuracy = number_at(object, "accuracy", 0.0);
  source->ct_accuracy = number_at(object, "ct_accuracy", 0.0);
  source->refresh = std::chrono::microseconds(integer_at(object, "refresh_us"));
  if (object.contains("sensor_period_us"))
    source->sensor = {std::chrono::microseconds(integer_at(object, "sensor_window_us")),
                      std::chrono::microseconds(integer_at(object, "sensor_period_us"))};

  Layout layout;
  const json::value& fields = member(object, "fields");
  if (!fields.is_array()) throw Unreadable{"\"fields\" is no list"};
  for (const json::value& value : fields.get_array()) {
    const json::object& field = as_object(value);
    StoredField stored{wire_of(integer_at(field, "wire")), number_at(field, "scale", 1.0),
                       StoredField::unknown};
    if (const auto channel = channel_of(source->kind, field)) {
      stored.index = source->fields.size();
      source->fields.push_back({*channel, stored.wire, stored.scale, number_at(field, "resolution", 0.0)});
    }
    layout.fields.push_back(stored);
  }
  layout.source = std::move(source);
  return layout;
}

}  // namespace

std::string describe(const Source& source) {
  json::array fields;
  for (const Field& field : source.fields) fields.push_back(field_object(source.kind, field));
  json::object object{{"kind", name_of(source.kind)},
                      {"name", source.name},
                      {"identity", identity_object(source.identity)},
                      {"interval_us", source.interval.count()},
                      {"effective_period_us", source.effective_period.count()}};
  put_unless(object, "accuracy", source.accuracy, 0.0);
  put_unless(object, "ct_accuracy", source.ct_accuracy, 0.0);
  object["refresh_us"] = source.refresh.count();
  if (source.sensor != PowerSensor{}) {
    object["sensor_window_us"] = source.sensor.window.count();
    object["sensor_period_us"] = source.sensor.period.count();
  }
  object["fields"] = std::move(fields);
  return json::serialize(object);
}

Result<Layout, std::string> parse_description(std::string_view text) {
  boost::system::error_code error;
  // Serial numbers come from devices; what is not UTF-8 in them was written as it is.
  json::parse_options options;
  options.allow_invalid_utf8 = true;
  const json::value value = json::parse({text.data(), text.size()}, error, {}, options);
  if (error) return "no JSON: " + error.message();
  try {
    return layout_of(as_object(value));
  } catch (const Unreadable& unreadable) {
    return unreadable.what;
  }
}

}  // namespace flopwatt::store
