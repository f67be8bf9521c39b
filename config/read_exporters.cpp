#include <algorithm>
#include <utility>

#include "config/parse_address.h"
#include "config/sections.h"
#include "config/web/web_config.h"
#include "config/yaml/text_file.h"

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

// A relative path is looked for beside the configuration.
void read_web_file(const YamlNode& node, const Reading& reading) {
  const std::string* name = text_of(node, "web_config", reading.report);
  if (name == nullptr) return;
  const std::filesystem::path path = (reading.config.file.parent_path() / *name).lexically_normal();
  const TextFile file = read_text_file(path, max_web_config_bytes);
  if (!file.failure.empty()) {
    reading.report.error(node.at, "web_config: cannot read " + path.string() + ": " + file.failure);
    return;
  }
  reading.web_config = path;
  Reporter report = reading.report.for_file(path.string());
  static_cast<void>(read_web_config(file.text, path.parent_path(), report));
}

void read_prometheus(const YamlNode& node, const Reading& reading) {
  if (is_off(node)) {
    reading.config.prometheus.enabled = false;
    return;
  }
  MapReader map(node, "prometheus", reading.report);
  if (const YamlNode* listen = map.find("listen")) read_listen(*listen, reading);
  if (const YamlNode* file = map.find("web_config")) read_web_file(*file, reading);
  map.finish();
}

void read_push_exporters(const YamlNode& node, const ExporterSection& kind, UniqueNames& names,
                         const Reading& reading) {
  if (is_off(node)) return;
  for (const YamlNode& item : items_of(node, kind.key, reading.report)) {
    MapReader map(item, std::string(kind.what), reading.report);
    std::string name = names.read(map, "exporter");
    ExporterSettings settings = kind.read(map, reading.config);
    map.finish();
    reading.config.exporters.push_back({std::string(kind.key), std::move(name), std::move(settings)});
  }
}

}  // namespace

void read_exporters(const YamlNode& node, const Reading& reading, std::span<const ExporterSection> kinds) {
  MapReader map(node, "exporters", reading.report);
  if (const YamlNode* prometheus = map.find("prometheus")) read_prometheus(*prometheus, reading);
  UniqueNames names;
  for (const ExporterSection& kind : kinds)
    if (const YamlNode* list = map.find(kind.key)) read_push_exporters(*list, kind, names, reading);
  map.refuse_not_yet("remote_write");
  map.finish();
}

}  // namespace flopwatt
