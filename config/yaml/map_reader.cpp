#include "config/yaml/map_reader.h"

#include <algorithm>

#include "config/yaml/nearest.h"

namespace flopwatt {
namespace {

// "'5' is ..."; long texts are cut.
std::string quote(std::string_view text) {
  constexpr std::size_t longest = 60;
  return "'" + std::string(text.substr(0, longest)) + (text.size() > longest ? "...'" : "'");
}

// A scalar that is written as a bare word or number.
const std::string* plain_text_of(const YamlNode& node, std::string_view key, Reporter& report) {
  const std::string* text = text_of(node, key, report);
  if (text == nullptr || !node.quoted) return text;
  report.error(node.at, std::string(key) + ": \"" + *text + "\" is text; write " + *text + " without quotes");
  return nullptr;
}

template <class T>
std::optional<T> report_bad(const Parsed<T>& parsed, const YamlNode& node, std::string_view key,
                            Reporter& report) {
  if (!parsed.value) report.error(node.at, std::string(key) + ": " + quote(node.text) + "; " + parsed.advice);
  return parsed.value;
}

template <class T>
bool is_in_range(T value, Range<T> range) {
  return value >= range.low && value <= range.high;
}

void report_range(const YamlNode& node, std::string_view key, const std::string& low, const std::string& high,
                  Reporter& report) {
  report.error(node.at,
               std::string(key) + ": " + node.text + " is out of range; write " + low + " to " + high);
}

}  // namespace

bool is_off(const YamlNode& node) {
  // Quoted too: writers of YAML 1.1 (Ansible, PyYAML) quote the word, since plain it is a boolean to them.
  return node.is_scalar() && (node.text == "off" || node.text == "false");
}

const std::string* text_of(const YamlNode& node, std::string_view key, Reporter& report) {
  if (node.is_scalar()) return &node.text;
  report.error(node.at, std::string(key) + ": write one value, not a " + (node.is_map() ? "map" : "list"));
  return nullptr;
}

std::optional<std::int64_t> integer_of(const YamlNode& node, std::string_view key, Reporter& report) {
  const std::string* text = plain_text_of(node, key, report);
  if (text == nullptr) return std::nullopt;
  return report_bad(parse_integer(*text), node, key, report);
}

const std::vector<YamlNode>& items_of(const YamlNode& node, std::string_view key, Reporter& report) {
  if (!node.is_list())
    report.error(node.at, std::string(key) + ": write a list: [...] or lines that begin with '- '");
  return node.items;
}

MapReader::MapReader(const YamlNode& node, std::string what, Reporter& report)
    : node_(node), what_(std::move(what)), report_(report) {
  if (!node.is_map()) report.error(node.at, what_ + ": write a map of keys and values");
  for (auto entry = node.entries.begin(); entry != node.entries.end(); ++entry) {
    const auto first = std::ranges::find(node.entries, entry->key, &YamlEntry::key);
    if (first != entry)
      report.error(entry->at, "'" + entry->key + "' is already given in line " +
                                  std::to_string(first->at.line) + "; remove one of them");
  }
}

const YamlEntry* MapReader::entry_of(std::string_view key) const {
  const auto entry = std::ranges::find(node_.entries, key, &YamlEntry::key);
  return entry == node_.entries.end() ? nullptr : &*entry;
}

const YamlNode* MapReader::find(std::string_view key) {
  const bool asked_before = std::ranges::find(known_, key) != known_.end();
  if (!asked_before) known_.push_back(key);
  const YamlEntry* entry = entry_of(key);
  if (entry == nullptr) return nullptr;
  if (entry->value.kind != YamlNode::Kind::null) return &entry->value;
  if (!asked_before) report_.error(entry->at, std::string(key) + ": empty; write a value or remove the key");
  return nullptr;
}

const YamlNode* MapReader::require(std::string_view key) {
  if (entry_of(key) == nullptr && node_.is_map())
    report_.error(node_.at, what_ + " needs the key '" + std::string(key) + "'");
  return find(key);
}

void MapReader::refuse_not_yet(std::string_view key, std::string_view advice) {
  refuse(key, "not yet supported; " + std::string(advice));
}

void MapReader::refuse(std::string_view key, std::string_view reason) {
  const YamlEntry* entry = entry_of(key);
  if (entry == nullptr) return;
  report_.error(entry->at, std::string(key) + ": " + std::string(reason));
  refused_.push_back(key);
}

bool MapReader::read_text(std::string_view key, std::string& out) {
  const YamlNode* node = find(key);
  const std::string* text = node == nullptr ? nullptr : text_of(*node, key, report_);
  if (text == nullptr) return false;
  // What goes into labels, topics and logs as it is.
  const bool control =
      std::ranges::any_of(*text, [](char c) { return static_cast<unsigned char>(c) < 0x20 || c == 0x7f; });
  if (text->empty() || text->size() > 1024 || control) {
    report_.error(node->at,
                  std::string(key) + ": write 1 to 1024 characters, no line breaks or control characters");
    return false;
  }
  out = *text;
  return true;
}

bool MapReader::read_bool(std::string_view key, bool& out) {
  const YamlNode* node = find(key);
  const std::string* text = node == nullptr ? nullptr : plain_text_of(*node, key, report_);
  if (text == nullptr) return false;
  if (*text != "true" && *text != "on" && !is_off(*node)) {
    report_.error(node->at, std::string(key) + ": " + quote(*text) + "; write true or false");
    return false;
  }
  out = !is_off(*node);
  return true;
}

bool MapReader::read_duration(std::string_view key, Range<microseconds> range, microseconds& out) {
  const YamlNode* node = find(key);
  const std::string* text = node == nullptr ? nullptr : text_of(*node, key, report_);
  if (text == nullptr) return false;
  const auto value = report_bad(parse_duration(*text), *node, key, report_);
  const bool good = value && is_in_range(*value, range);
  if (good) out = *value;
  if (value && !good)
    report_range(*node, key, format_duration(range.low), format_duration(range.high), report_);
  return good;
}

bool MapReader::read_size(std::string_view key, Range<std::uint64_t> range, std::uint64_t& out) {
  const YamlNode* node = find(key);
  const std::string* text = node == nullptr ? nullptr : text_of(*node, key, report_);
  if (text == nullptr) return false;
  const auto value = report_bad(parse_size(*text), *node, key, report_);
  const bool good = value && is_in_range(*value, range);
  if (good) out = *value;
  if (value && !good) report_range(*node, key, format_size(range.low), format_size(range.high), report_);
  return good;
}

bool MapReader::read_integer(std::string_view key, Range<std::int64_t> range, std::int64_t& out) {
  const YamlNode* node = find(key);
  const auto value = node == nullptr ? std::nullopt : integer_of(*node, key, report_);
  const bool good = value && is_in_range(*value, range);
  if (good) out = *value;
  if (value && !good)
    report_range(*node, key, std::to_string(range.low), std::to_string(range.high), report_);
  return good;
}

bool MapReader::read_number(std::string_view key, Range<double> range, double& out) {
  const YamlNode* node = find(key);
  const std::string* text = node == nullptr ? nullptr : plain_text_of(*node, key, report_);
  if (text == nullptr) return false;
  const auto value = report_bad(parse_number(*text), *node, key, report_);
  const bool good = value && is_in_range(*value, range);
  if (good) out = *value;
  if (value && !good) report_range(*node, key, format_number(range.low), format_number(range.high), report_);
  return good;
}

void MapReader::finish() {
  for (const YamlEntry& entry : node_.entries) {
    const bool handled = std::ranges::find(known_, entry.key) != known_.end() ||
                         std::ranges::find(refused_, entry.key) != refused_.end();
    if (!handled)
      report_.error(entry.at, "unknown key '" + entry.key + "' in " + what_ + suggestion(entry.key, known_));
  }
}

}  // namespace flopwatt
