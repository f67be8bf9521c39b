#include "drivers/accelerators/messages.h"

#include <boost/json.hpp>
#include <concepts>

#include "runtime/text/json_parse.h"

namespace flopwatt::nvidia {
namespace {

namespace json = boost::json;

// Every key stands once: `visit` names it for both directions.

struct Writer {
  json::object& object;

  void operator()(std::string_view key, const std::string& text) const {
    if (!text.empty()) object[key] = text;
  }
  void operator()(std::string_view key, bool value) const { object[key] = value; }
  void operator()(std::string_view key, double value) const {
    if (is_known(value)) object[key] = value;
  }
  template <std::integral T>
  void operator()(std::string_view key, T value) const {
    object[key] = value;
  }
  template <class T>
  void operator()(std::string_view key, const std::optional<T>& value) const {
    if (value) object[key] = *value;
  }
};

/// A key that is missing leaves the value as it is; one of the wrong type or range is a fault.
struct Reader {
  const json::object& object;
  bool& good;

  void operator()(std::string_view key, std::string& text) const {
    if (const json::value* value = object.if_contains(key)) {
      good = good && value->is_string();
      if (value->is_string()) text = value->get_string();
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
  visit("compute_major", identity.compute_major);
  visit("compute_minor", identity.compute_minor);
  visit("cores", identity.cores);
  visit("power", identity.has_power);
  visit("energy_counter", identity.has_energy_counter);
  visit("pipes", identity.has_pipes);
  visit("no_pipes_reason", identity.no_pipes_reason);
}

template <class Visitor, class Reading>
void visit_reading(const Visitor& visit, Reading& reading) {
  visit("time_us", reading.time.wall_us);
  visit("monotonic_us", reading.time.monotonic_us);
  visit("half_duration_us", reading.half_duration_us);
  visit("power_mw", reading.power_mw);
  visit("power_limit_mw", reading.power_limit_mw);
  visit("energy_mj", reading.energy_mj);
  visit("utilization_percent", reading.utilization_percent);
  visit("core_clock_mhz", reading.core_clock_mhz);
  visit("memory_used_bytes", reading.memory_used_bytes);
  visit("memory_total_bytes", reading.memory_total_bytes);
  visit("temperature_c", reading.temperature_c);
  visit("pipes_sampled", reading.pipes_sampled);
}

template <class Visitor, class Sample>
void visit_pipes(const Visitor& visit, Sample& sample) {
  visit("seconds", sample.seconds);
  visit("clock_begin_hz", sample.clock_begin_hz);
  visit("clock_end_hz", sample.clock_end_hz);
  for (std::size_t i = 0; i < pipes.size(); ++i) visit(label_of(pipes[i]), sample.ratios[i]);
}

json::object object_of(std::string_view kind) { return {{"message", kind}}; }

Fault not_understood(std::string_view what) {
  return {FaultClass::protocol, "the guest of NVIDIA's library sent " + std::string(what)};
}

Result<GuestMessage> parse_hello(const json::object& object) {
  bool good = true;
  Hello hello;
  Reader{object, good}("driver", hello.driver);
  const json::value* devices = object.if_contains("devices");
  if (devices == nullptr || !devices->is_array()) return not_understood("a hello without devices");
  for (const json::value& device : devices->get_array()) {
    if (!device.is_object()) return not_understood("a device that is no object");
    visit_identity(Reader{device.get_object(), good}, hello.devices.emplace_back());
    if (!good || hello.devices.back().pci.empty())
      return not_understood("a device without a usable identity");
  }
  return GuestMessage(std::move(hello));
}

Result<GuestMessage> parse_device(const json::object& object) {
  bool good = true;
  const Reader read{object, good};
  std::optional<std::size_t> device;
  read("device", device);
  if (!device) return not_understood("a device message without the device's number");
  if (object.contains("error")) {
    DeviceFailure failure;
    read("code", failure.code);
    read("error", failure.text);
    if (!good) return not_understood("a failure with a wrong value");
    return GuestMessage(DeviceMessage{*device, std::move(failure)});
  }
  DeviceReading reading;
  visit_reading(read, reading);
  if (const json::value* activity = object.if_contains("activity");
      activity != nullptr && activity->is_object()) {
    PipeSample& sample = reading.pipes.emplace();
    sample.ratios.fill(absent);
    visit_pipes(Reader{activity->get_object(), good}, sample);
  }
  if (!good || reading.time == Moment{}) return not_understood("a reading with a wrong value");
  return GuestMessage(DeviceMessage{*device, reading});
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

}  // namespace

std::string format(const Hello& hello) {
  json::object object = object_of("hello");
  Writer{object}("driver", hello.driver);
  json::array& devices = object["devices"].emplace_array();
  for (const DeviceIdentity& identity : hello.devices)
    visit_identity(Writer{devices.emplace_back(json::object()).get_object()}, identity);
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

std::string format(const DeviceMessage& message, const std::string& pci) {
  json::object object = object_of("device");
  const Writer write{object};
  write("device", message.device);
  write("pci", pci);
  if (!message.result) {
    write("code", message.result.error().code);
    write("error", message.result.error().text);
    return json::serialize(object);
  }
  visit_reading(write, *message.result);
  if (message.result->pipes) visit_pipes(Writer{object["activity"].emplace_object()}, *message.result->pipes);
  return json::serialize(object);
}

Result<GuestMessage> parse(std::string_view text) {
  boost::system::error_code error;
  const json::value value = parse_json(text, error);
  if (error || !value.is_object()) return not_understood("what is no JSON object");
  const json::object& object = value.get_object();
  std::string kind;
  bool good = true;
  Reader{object, good}("message", kind);
  if (kind == "device") return parse_device(object);
  if (kind == "done") return GuestMessage(DoneMessage{});
  if (kind == "hello") return parse_hello(object);
  if (kind == "unavailable") return parse_unavailable(object);
  return not_understood("a message of unknown kind '" + kind + "'");
}

}  // namespace flopwatt::nvidia
