#include <algorithm>

#include "config/parse_address.h"
#include "config/secret_file.h"
#include "config/sections.h"

namespace flopwatt {
namespace {

void read_listen(const YamlNode& node, const Reading& reading) {
  std::vector<ListenAddress> addresses;
  for (const YamlNode& item : items_of(node, "listen", reading.report)) {
    const std::string* text = text_of(item, "listen", reading.report);
    if (text == nullptr) continue;
    const Parsed<ListenAddress> parsed = parse_listen_address(*text);
    const bool again = parsed.value && std::ranges::any_of(addresses, [&](const ListenAddress& one) {
                         return one.text() == parsed.value->text();
                       });
    if (!parsed.value)
      reading.report.error(item.at, "listen: '" + text->substr(0, 60) + "'; " + parsed.advice);
    else if (again)
      reading.report.error(item.at, "listen: " + *text + " is there twice; remove one of them");
    else
      addresses.push_back(*parsed.value);
  }
  if (node.is_list() && node.items.empty())
    reading.report.error(node.at, R"(listen: write at least one address as ":10150", or prometheus: off)");
  reading.config.prometheus.listen = std::move(addresses);
}

void read_prometheus(const YamlNode& node, const Reading& reading) {
  if (is_off(node)) {
    reading.config.prometheus.enabled = false;
    return;
  }
  MapReader map(node, "prometheus", reading.report);
  if (const YamlNode* listen = map.find("listen")) read_listen(*listen, reading);
  map.refuse_not_yet("web_config", "remove it, and let a reverse proxy guard the endpoint");
  map.finish();
}

void read_broker(MapReader& map, MqttConfig& mqtt) {
  const YamlNode* node = map.require("broker");
  const std::string* text = node == nullptr ? nullptr : text_of(*node, "broker", map.report());
  if (text == nullptr) return;
  const Parsed<BrokerAddress> parsed = parse_broker_address(*text);
  if (!parsed.value) {
    // An address may hold a password by mistake: not repeated.
    const bool shown = text->find('@') == std::string::npos;
    map.report().error(node->at,
                       "broker: " + (shown ? "'" + text->substr(0, 60) + "'; " : "") + parsed.advice);
    return;
  }
  mqtt.host = parsed.value->host;
  mqtt.port = parsed.value->port;
}

void read_format(MapReader& map) {
  const YamlNode* node = map.find("format");
  const std::string* text = node == nullptr ? nullptr : text_of(*node, "format", map.report());
  if (text == nullptr || *text == "json") return;
  if (*text == "sparkplug")
    map.report().error(node->at, "format: sparkplug is not yet supported; write json");
  else
    map.report().error(node->at, "format: '" + text->substr(0, 60) + "'; write json");
}

void read_prefix(MapReader& map, MqttConfig& mqtt) {
  const YamlNode* node = map.find("prefix");
  std::string prefix;
  if (!map.read_text("prefix", prefix)) return;
  const bool good = prefix.find_first_of("+#") == std::string::npos && prefix.front() != '$' &&
                    prefix.front() != '/' && prefix.back() != '/' && prefix.size() <= 128;
  if (good)
    mqtt.prefix = prefix;
  else
    map.report().error(
        node->at, "prefix: '" + prefix.substr(0, 60) +
                      "' cannot begin a topic; write levels as "
                      "site/flopwatt: no + or #, no $ first, no / first or last, at most 128 characters");
}

void read_credentials(MapReader& map, MqttConfig& mqtt, const Reading& reading) {
  map.read_text("username", mqtt.username);
  const YamlNode* node = map.find("password_file");
  std::string file;
  if (map.read_text("password_file", file)) {
    mqtt.password_file =
        find_secret_file(file, "password_file", reading.config.file.parent_path(), node->at, map.report());
    if (mqtt.username.empty())
      map.report().error(node->at, "password_file: there is no username beside it; add one");
  }
  map.refuse("password", "secrets do not stand in the configuration; write password_file: <a file with it>");
}

MqttConfig read_mqtt(const YamlNode& node, const Reading& reading, UniqueNames& names) {
  MapReader map(node, "an MQTT exporter", reading.report);
  MqttConfig mqtt;
  mqtt.name = names.read(map, "exporter");
  read_broker(map, mqtt);
  read_format(map);
  read_prefix(map, mqtt);
  read_credentials(map, mqtt, reading);
  bool home_assistant = false;
  const YamlNode* home_assistant_node = map.find("home_assistant");
  if (map.read_bool("home_assistant", home_assistant) && home_assistant)
    reading.report.error(home_assistant_node->at, "home_assistant: true is not yet supported; write false");
  for (const std::string_view key : {"tls", "group", "primary_host"}) map.refuse_not_yet(key);
  map.finish();
  return mqtt;
}

}  // namespace

void read_exporters(const YamlNode& node, const Reading& reading) {
  MapReader map(node, "exporters", reading.report);
  if (const YamlNode* prometheus = map.find("prometheus")) read_prometheus(*prometheus, reading);
  UniqueNames names;
  const YamlNode* mqtt = map.find("mqtt");
  if (mqtt != nullptr && !is_off(*mqtt)) {
    for (const YamlNode& item : items_of(*mqtt, "mqtt", reading.report)) {
      MqttConfig added = read_mqtt(item, reading, names);
      for (const MqttConfig& other : reading.config.mqtt)
        if (!added.host.empty() && other.host == added.host && other.port == added.port &&
            other.prefix == added.prefix)
          reading.report.error(item.at, "publishes the same topics to the same broker as '" + other.name +
                                            "'; give it another prefix");
      reading.config.mqtt.push_back(std::move(added));
    }
  }
  map.refuse_not_yet("remote_write");
  map.finish();
}

}  // namespace flopwatt
