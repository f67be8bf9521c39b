#include "exporters/mqtt/settings.h"

#include <algorithm>
#include <array>
#include <vector>

#include "config/config.h"
#include "config/parse_address.h"
#include "config/secret_file.h"
#include "config/yaml/map_reader.h"
#include "config/yaml/nearest.h"

namespace flopwatt::mqtt {
namespace {

constexpr std::string_view key = "mqtt";

void read_broker(MapReader& map, Settings& settings) {
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
  settings.host = parsed.value->host;
  settings.port = parsed.value->port;
  if (parsed.value->has_tls) settings.tls.emplace();
}

void check_tls_files(const Settings& settings, Position at, const MapReader& map) {
  std::vector<std::string> warnings;
  if (const std::string fault = check_client_tls(*settings.tls, warnings); !fault.empty())
    map.report().error(at, "tls: " + fault);
  for (const std::string& warning : warnings) map.report().warn(at, "tls: " + warning);
}

void read_tls(MapReader& map, Settings& settings, const Config& config) {
  const YamlNode* node = map.find("tls");
  if (node == nullptr) return;
  const std::size_t errors_before = map.report().error_count();
  TlsFiles files;
  MapReader tls(*node, "tls", map.report());
  const std::filesystem::path beside = config.file.parent_path();
  const auto read_file = [&](const char* file_key, auto find, std::filesystem::path& path) {
    const YamlNode* at = tls.find(file_key);
    std::string name;
    if (tls.read_text(file_key, name)) path = find(name, file_key, beside, at->at, map.report()).value_or("");
  };
  read_file("ca_file", &find_public_file, files.ca_file);
  read_file("cert_file", &find_public_file, files.cert_file);
  read_file("key_file", &find_secret_file, files.key_file);
  const bool has_cert = tls.find("cert_file") != nullptr;
  if (has_cert != (tls.find("key_file") != nullptr))
    map.report().error(node->at, std::string("tls: ") + (has_cert ? "cert_file" : "key_file") +
                                     " stands here without " + (has_cert ? "key_file" : "cert_file") +
                                     "; write both or none");
  tls.finish();
  if (settings.tls) {
    settings.tls = files;
    if (map.report().error_count() == errors_before) check_tls_files(settings, node->at, map);
  } else if (!settings.host.empty()) {
    map.report().error(node->at,
                       "tls: the broker is one without TLS; write mqtts:// in `broker`, or remove this");
  }
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

void read_protocol(MapReader& map, Settings& settings) {
  const YamlNode* node = map.find("protocol");
  const std::string* text = node == nullptr ? nullptr : text_of(*node, "protocol", map.report());
  if (text == nullptr || *text == "auto") return;
  if (*text == "5")
    settings.protocol = Protocol::mqtt_5;
  else if (*text == "3.1.1")
    settings.protocol = Protocol::mqtt_3_1_1;
  else
    map.report().error(node->at, "protocol: '" + text->substr(0, 60) + "'; write auto, 5 or 3.1.1");
}

struct Publishable {
  std::string_view word;
  SourceKind kind;
};
constexpr std::array publishable = {
    Publishable{"meters", SourceKind::meter}, Publishable{"accelerators", SourceKind::accelerator},
    Publishable{"cpus", SourceKind::cpu}, Publishable{"work", SourceKind::work},
    Publishable{"scopes", SourceKind::window}};

void read_publish(MapReader& map, Settings& settings) {
  const YamlNode* node = map.find("publish");
  if (node == nullptr) return;
  std::vector<std::string_view> words;
  for (const Publishable& each : publishable) words.push_back(each.word);
  settings.publish.clear();
  for (const YamlNode& item : items_of(*node, "publish", map.report())) {
    const std::string* text = text_of(item, "publish", map.report());
    if (text == nullptr) continue;
    const auto* const found = std::ranges::find(publishable, *text, &Publishable::word);
    if (found == publishable.end())
      map.report().error(item.at, "publish: '" + text->substr(0, 60) + "'" + suggestion(*text, words));
    else if (!settings.publish.insert(found->kind).second)
      map.report().error(item.at, "publish: '" + *text + "' stands here twice; remove one");
  }
}

void read_prefix(MapReader& map, Settings& settings) {
  const YamlNode* node = map.find("prefix");
  std::string prefix;
  if (!map.read_text("prefix", prefix)) return;
  const bool good = prefix.find_first_of("+#") == std::string::npos && prefix.front() != '$' &&
                    prefix.front() != '/' && prefix.back() != '/' && prefix.size() <= 128;
  if (good)
    settings.prefix = prefix;
  else
    map.report().error(
        node->at, "prefix: '" + prefix.substr(0, 60) +
                      "' cannot begin a topic; write levels as "
                      "site/flopwatt: no + or #, no $ first, no / first or last, at most 128 characters");
}

void read_credentials(MapReader& map, Settings& settings, const Config& config) {
  map.read_text("username", settings.username);
  const YamlNode* node = map.find("password_file");
  std::string file;
  if (map.read_text("password_file", file)) {
    settings.password_file =
        find_secret_file(file, "password_file", config.file.parent_path(), node->at, map.report());
    if (settings.username.empty())
      map.report().error(node->at, "password_file: there is no username beside it; add one");
  }
  map.refuse("password", "no secrets in the configuration; write password_file: <a file with it>");
}

void refuse_same_topics(const Settings& settings, const Config& config, const MapReader& map) {
  if (settings.host.empty()) return;  // the broker is reported as missing or unusable
  for (const ExporterConfig& other : config.exporters) {
    if (other.kind != key) continue;
    const auto& before = other.settings.as<Settings>();
    if (before.host == settings.host && before.port == settings.port && before.prefix == settings.prefix)
      map.report().error(map.at(), "publishes the same topics to the same broker as '" + other.name +
                                       "'; give it another prefix");
  }
}

ExporterSettings read(MapReader& map, const Config& config) {
  Settings settings;
  read_broker(map, settings);
  read_format(map);
  read_protocol(map, settings);
  read_prefix(map, settings);
  read_publish(map, settings);
  map.read_duration("every", {std::chrono::milliseconds(100), std::chrono::hours(24)}, settings.every);
  read_credentials(map, settings, config);
  read_tls(map, settings, config);
  bool home_assistant = false;
  const YamlNode* home_assistant_node = map.find("home_assistant");
  if (map.read_bool("home_assistant", home_assistant) && home_assistant)
    map.report().error(home_assistant_node->at, "home_assistant: true is not yet supported; write false");
  for (const std::string_view later : {"group", "primary_host"}) map.refuse_not_yet(later);
  refuse_same_topics(settings, config, map);
  return ExporterSettings(std::move(settings));
}

}  // namespace

ExporterSection section() { return {key, "an MQTT exporter", read}; }

}  // namespace flopwatt::mqtt
