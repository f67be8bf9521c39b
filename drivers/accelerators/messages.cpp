#include "drivers/accelerators/messages.h"

#include <algorithm>
#include <array>
#include <boost/json.hpp>
#include <cmath>
#include <concepts>
#include <limits>
#include <utility>

#include "runtime/text/json_parse.h"
#include "runtime/text/number_text.h"

namespace flopwatt::accelerators {
namespace {

namespace json = boost::json;

// Every key stands once: `visit` names it for both directions. Texts of any vendor's library pass here, out of
// the guest and into the agent: one byte that is not UTF-8 would make the whole message no JSON, and so cost all
// devices.

struct Writer {
  json::object& object;

  void operator()(std::string_view key, const std::string& text) const {
    if (const std::string plain = plain_utf8(text); !plain.empty()) object[key] = plain;
  }
  void operator()(std::string_view key, bool value) const { object[key] = value; }
  void operator()(std::string_view key, double value) const {
    if (is_known(value)) object[key] = value;
  }
  /// Nothing where the value is the usual one.
  void operator()(std::string_view key, double value, double usual) const {
    if (value != usual) (*this)(key, value);
  }
  template <std::integral T>
  void operator()(std::string_view key, T value) const {
    object[key] = value;
  }
};

/// A key that is missing leaves the value as it is; one of the wrong type or range is a fault.
struct Reader {
  const json::object& object;
  bool& good;

  void operator()(std::string_view key, std::string& text) const {
    if (const json::value* value = object.if_contains(key)) {
      good = good && value->is_string();
      if (value->is_string()) text = plain_utf8(value->get_string());
    }
  }
  void operator()(std::string_view key, bool& flag) const {
    if (const json::value* value = object.if_contains(key)) {
      good = good && value->is_bool();
      if (value->is_bool()) flag = value->get_bool();
    }
  }
  template <class T>
  requires std::integral<T> || std::floating_point<T>
  void operator()(std::string_view key, T& number) const {
    std::optional<T> found;
    (*this)(key, found);
    if (found) number = *found;
  }
  void operator()(std::string_view key, double& number, double usual) const {
    number = usual;
    (*this)(key, number);
  }
  template <class T>
  void operator()(std::string_view key, std::optional<T>& number) const {
    const json::value* value = object.if_contains(key);
    if (value == nullptr) return;
    boost::system::error_code error;
    const T converted = value->to_number<T>(error);
    good = good && !error;
    if (!error) number = converted;
  }
};

template <class Visitor, class Identity>
void visit_identity(const Visitor& visit, Identity& identity) {
  visit("pci", identity.pci);
  visit("uuid", identity.uuid);
  visit("name", identity.name);
  visit("serial", identity.serial);
  visit("architecture", identity.architecture);
  visit("cores", identity.cores);
  visit("no_activity_reason", identity.no_activity_reason);
}

template <class Visitor>
void visit_sensor(const Visitor& visit, std::int64_t& window_us, std::int64_t& period_us) {
  visit("sensor_window_us", window_us);
  visit("sensor_period_us", period_us);
}

template <class Visitor, class SomeFigure>
void visit_figure(const Visitor& visit, SomeFigure& figure) {
  visit("key", figure.key);
  visit("scale", figure.field.scale, 1.0);
  visit("resolution", figure.field.resolution, 0.0);
}

template <class Visitor, class Reading>
void visit_time(const Visitor& visit, Reading& reading) {
  visit("time_us", reading.time.wall_us);
  visit("monotonic_us", reading.time.monotonic_us);
  visit("half_duration_us", reading.half_duration_us);
  visit("activity_sampled", reading.activity_sampled);
}

template <class Visitor, class SomeActivity>
void visit_activity(const Visitor& visit, SomeActivity& activity, const std::vector<Place>& pipes) {
  visit("seconds", activity.seconds);
  visit("clock_begin_hz", activity.clock_begin_hz);
  visit("clock_end_hz", activity.clock_end_hz);
  visit("clock_before_hz", activity.clock_before_hz);
  visit("cycles", activity.cycles);
  for (std::size_t i = 0; i < pipes.size(); ++i) visit(label_of(pipes[i]), activity.ratios[i]);
}

constexpr std::string_view energy_key = "energy";
constexpr auto energy_sources = std::to_array<std::pair<EnergySource, std::string_view>>(
    {{EnergySource::counter, "counter"}, {EnergySource::integrated, "integrated"}});

/// Whether a raw number is one of its wire type.
bool fits(Wire wire, double raw) {
  const auto whole = [raw]<class T>(T) {
    using Limits = std::numeric_limits<T>;
    return raw == std::floor(raw) && raw >= static_cast<double>(Limits::lowest()) &&
           raw <= static_cast<double>(Limits::max());
  };
  switch (wire) {
    case Wire::u8:
      return whole(std::uint8_t{});
    case Wire::u16:
      return whole(std::uint16_t{});
    case Wire::i16:
      return whole(std::int16_t{});
    case Wire::u32:
      return whole(std::uint32_t{});
    case Wire::i32:
      return whole(std::int32_t{});
    case Wire::u64:
      return whole(std::uint64_t{});
    case Wire::i64:
      return whole(std::int64_t{});
    case Wire::f32:
    case Wire::f64:
      return std::isfinite(raw);
  }
  return false;
}

json::object object_of(std::string_view kind) { return {{"message", kind}}; }

Fault not_understood(std::string_view what) { return {FaultClass::protocol, "sent " + std::string(what)}; }

json::object object_of(const Figure& figure) {
  json::object object;
  visit_figure(Writer{object}, figure);
  object["quantity"] = find_row(SourceKind::accelerator, figure.field.channel)->name;
  object["wire"] = static_cast<unsigned>(figure.field.wire);
  return object;
}

json::object object_of(const DeviceIdentity& identity) {
  json::object object;
  visit_identity(Writer{object}, identity);
  for (const auto& [source, name] : energy_sources)
    if (source == identity.energy_source) object[energy_key] = name;
  if (identity.sensor != PowerSensor{}) {
    std::int64_t window_us = identity.sensor.window.count(), period_us = identity.sensor.period.count();
    visit_sensor(Writer{object}, window_us, period_us);
  }
  json::array& figures = object["figures"].emplace_array();
  for (const Figure& figure : identity.figures) figures.push_back(object_of(figure));
  json::array& activity = object["activity"].emplace_array();
  for (const Place pipe : identity.activity) activity.emplace_back(label_of(pipe));
  return object;
}

/// The items of a list; none where the key is missing. Not `good` where it is no list.
std::span<const json::value> items_of(const json::object& object, std::string_view key, bool& good) {
  const json::value* list = object.if_contains(key);
  if (list == nullptr) return {};
  good = good && list->is_array();
  if (!list->is_array()) return {};
  return {list->get_array().data(), list->get_array().size()};
}

std::optional<Figure> parse_figure(const json::value& value) {
  if (!value.is_object()) return std::nullopt;
  bool good = true;
  const Reader read{value.get_object(), good};
  Figure figure;
  visit_figure(read, figure);
  std::string quantity;
  unsigned wire = 0;
  read("quantity", quantity);
  read("wire", wire);
  const QuantityRow* row = find_row(SourceKind::accelerator, quantity, PlaceKind::whole);
  const bool known = row != nullptr && wire >= static_cast<unsigned>(Wire::u16) &&
                     wire <= static_cast<unsigned>(Wire::u8) && figure.field.scale > 0;
  if (!good || !known || figure.key.empty()) return std::nullopt;
  figure.field.channel.quantity = row->quantity;
  figure.field.wire = static_cast<Wire>(wire);
  return figure;
}

bool has_figure(const DeviceIdentity& identity, Quantity quantity) {
  return std::ranges::any_of(identity.figures, [quantity](const Figure& figure) {
    return figure.field.channel.quantity == quantity;
  });
}

/// Whether the figures are there that the source of the energy needs.
bool has_energy_of_source(const DeviceIdentity& identity) {
  if (has_figure(identity, Quantity::energy) != (identity.energy_source == EnergySource::counter))
    return false;
  return identity.energy_source != EnergySource::integrated || has_figure(identity, Quantity::power);
}

bool parse_identity(const json::object& object, DeviceIdentity& identity) {
  bool good = object.contains("figures") && object.contains("activity");
  const Reader read{object, good};
  visit_identity(read, identity);
  std::int64_t window_us = 0, period_us = 0;
  visit_sensor(read, window_us, period_us);
  identity.sensor = {std::chrono::microseconds(window_us), std::chrono::microseconds(period_us)};
  std::string energy;
  read(energy_key, energy);
  for (const auto& [source, name] : energy_sources)
    if (name == energy) identity.energy_source = source;
  for (const json::value& item : items_of(object, "figures", good)) {
    const auto figure = parse_figure(item);
    if (!figure) return false;
    identity.figures.push_back(*figure);
  }
  for (const json::value& item : items_of(object, "activity", good)) {
    const auto pipe = item.is_string() ? find_place(PlaceKind::pipe, item.get_string()) : std::nullopt;
    if (!pipe) return false;
    identity.activity.push_back(*pipe);
  }
  return good && !identity.pci.empty() && window_us >= 0 && period_us >= 0 && has_energy_of_source(identity);
}

Result<GuestMessage> parse_hello(const json::object& object) {
  bool good = true;
  Hello hello;
  Reader{object, good}("driver", hello.driver);
  if (!object.contains("devices")) return not_understood("a hello without devices");
  for (const json::value& device : items_of(object, "devices", good)) {
    if (!device.is_object()) return not_understood("a device that is no object");
    DeviceIdentity identity;
    if (!parse_identity(device.get_object(), identity))
      return not_understood("a device without a usable identity");
    if (std::ranges::find(hello.devices, identity.pci, &DeviceIdentity::pci) != hello.devices.end())
      return not_understood("two devices at " + identity.pci);
    hello.devices.push_back(std::move(identity));
  }
  if (!good) return not_understood("a hello without devices");
  return GuestMessage(std::move(hello));
}

Result<GuestMessage> parse_device(const json::object& object, std::span<const DeviceIdentity> devices) {
  bool good = true;
  const Reader read{object, good};
  std::optional<std::size_t> device;
  read("device", device);
  if (!device) return not_understood("a device message without the device's number");
  if (*device >= devices.size()) return not_understood("an answer of a device that is not in its hello");
  if (object.contains("error")) {
    DeviceFailure failure;
    read("code", failure.code);
    read("error", failure.text);
    if (!good) return not_understood("a failure with a wrong value");
    return GuestMessage(DeviceMessage{*device, std::move(failure)});
  }
  const DeviceIdentity& identity = devices[*device];
  DeviceReading reading;
  visit_time(read, reading);
  for (const Figure& figure : identity.figures) {
    double& raw = reading.numbers.emplace_back(absent);
    read(figure.key, raw);
    good = good && (!is_known(raw) || fits(figure.field.wire, raw));
  }
  if (const json::value* activity = object.if_contains("activity");
      activity != nullptr && activity->is_object()) {
    Activity& sample = reading.activity.emplace();
    sample.ratios.assign(identity.activity.size(), absent);
    visit_activity(Reader{activity->get_object(), good}, sample, identity.activity);
  }
  if (!good || reading.time == Moment{}) return not_understood("a reading with a wrong value");
  return GuestMessage(DeviceMessage{*device, std::move(reading)});
}

Result<GuestMessage> parse_unavailable(const json::object& object) {
  bool good = true;
  const Reader read{object, good};
  Unavailable unavailable;
  read("no_library", unavailable.no_library);
  read("text", unavailable.text);
  read("code", unavailable.code);
  if (!good) return not_understood("an unusable reason");
  return GuestMessage(std::move(unavailable));
}

/// Whole numbers as such, for the human reader.
void write_number(json::object& object, const Figure& figure, double raw) {
  constexpr double exact = 9007199254740992.0;  // 2^53: a double holds every whole number below
  if (is_known(raw) && raw == std::floor(raw) && std::abs(raw) < exact)
    object[figure.key] = static_cast<std::int64_t>(raw);
  else
    Writer{object}(figure.key, raw);
}

}  // namespace

std::string format(const Hello& hello) {
  json::object object = object_of("hello");
  Writer{object}("driver", hello.driver);
  json::array& devices = object["devices"].emplace_array();
  for (const DeviceIdentity& identity : hello.devices) devices.push_back(object_of(identity));
  return json::serialize(object);
}

std::string format(const Unavailable& unavailable) {
  json::object object = object_of("unavailable");
  const Writer write{object};
  write("no_library", unavailable.no_library);
  write("code", unavailable.code);
  write("text", unavailable.text);
  return json::serialize(object);
}

std::string format(const DeviceMessage& message, const DeviceIdentity& identity) {
  json::object object = object_of("device");
  const Writer write{object};
  write("device", message.device);
  write("pci", identity.pci);
  if (!message.result) {
    write("code", message.result.error().code);
    write("error", message.result.error().text);
    return json::serialize(object);
  }
  const DeviceReading& reading = *message.result;
  visit_time(write, reading);
  for (std::size_t i = 0; i < identity.figures.size(); ++i)
    write_number(object, identity.figures[i], reading.numbers[i]);
  if (reading.activity)
    visit_activity(Writer{object["activity"].emplace_object()}, *reading.activity, identity.activity);
  return json::serialize(object);
}

Result<GuestMessage> parse(std::string_view text, std::span<const DeviceIdentity> devices) {
  boost::system::error_code error;
  const json::value value = parse_json(text, error);
  if (error || !value.is_object()) return not_understood("what is no JSON object");
  const json::object& object = value.get_object();
  std::string kind;
  bool good = true;
  Reader{object, good}("message", kind);
  if (kind == "device") return parse_device(object, devices);
  if (kind == "done") return GuestMessage(DoneMessage{});
  if (kind == "hello") return parse_hello(object);
  if (kind == "unavailable") return parse_unavailable(object);
  return not_understood("a message of unknown kind '" + kind + "'");
}

}  // namespace flopwatt::accelerators
