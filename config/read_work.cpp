#include <algorithm>

#include "config/parse_address.h"
#include "config/sections.h"

namespace flopwatt {
namespace {

constexpr std::size_t most_sockets = 16;

void read_address(MapReader& map, StatsdConfig& socket) {
  const YamlNode* node = map.require("address");
  std::string text;
  if (!map.read_text("address", text)) return;
  Parsed<StatsdConfig> parsed = parse_statsd_address(text);
  if (parsed.value)
    socket = std::move(*parsed.value);
  else
    map.report().error(node->at, "address: '" + text.substr(0, 120) + "'; " + parsed.advice);
}

// Quoted, since YAML readers disagree whether a plain 0660 is octal.
void read_mode(MapReader& map, StatsdConfig& socket) {
  const YamlNode* node = map.find("mode");
  const std::string* text = node == nullptr ? nullptr : text_of(*node, "mode", map.report());
  if (text == nullptr) return;
  const std::string_view digits =
      std::string_view(*text).substr(text->size() == 4 && text->front() == '0' ? 1 : 0);
  const bool is_octal = digits.size() == 3 &&
                        std::ranges::all_of(digits, [](char digit) { return digit >= '0' && digit <= '7'; });
  if (!is_octal || !node->quoted) {
    map.report().error(
        node->at, "mode: " + text->substr(0, 20) + R"(; write three octal digits in quotes, as in "0660")");
    return;
  }
  std::uint32_t mode = 0;
  for (const char digit : digits) mode = mode * 8 + static_cast<std::uint32_t>(digit - '0');
  socket.mode = mode;
}

StatsdConfig read_socket(const YamlNode& node, const Reading& reading) {
  MapReader map(node, "a statsd socket", reading.report);
  StatsdConfig socket;
  read_address(map, socket);
  if (socket.kind == StatsdConfig::Kind::unix_datagram || socket.host.empty()) {  // or its address is wrong
    map.read_text("group", socket.group);
    read_mode(map, socket);
  } else {
    for (const std::string_view key : {"group", "mode"})
      map.refuse(key, "only a socket with a path (unix://) has one; remove it");
  }
  map.finish();
  return socket;
}

}  // namespace

void read_work(const YamlNode& node, const Reading& reading) {
  MapReader map(node, "work", reading.report);
  const YamlNode* statsd = map.find("statsd");
  map.finish();
  if (statsd == nullptr || is_off(*statsd)) return;
  std::vector<StatsdConfig>& sockets = reading.config.work.statsd;
  for (const YamlNode& item : items_of(*statsd, "statsd", reading.report)) {
    StatsdConfig added = read_socket(item, reading);
    const bool is_there =
        std::ranges::any_of(sockets, [&](const StatsdConfig& other) { return other.text() == added.text(); });
    const bool is_good = !added.path.empty() || !added.host.empty();
    if (is_there)
      reading.report.error(item.at, "statsd: " + added.text() + " is there twice; remove one of them");
    if (is_good && !is_there) sockets.push_back(std::move(added));
  }
  if (statsd->items.size() > most_sockets)
    reading.report.error(statsd->at, "statsd: write at most " + std::to_string(most_sockets) + " sockets");
}

}  // namespace flopwatt
