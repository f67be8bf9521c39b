#include "config/unique_names.h"

#include <algorithm>
#include <cctype>

namespace flopwatt {
namespace {

std::string lower_case(std::string text) {
  std::ranges::transform(text, text.begin(),
                         [](unsigned char c) { return static_cast<char>(std::tolower(c)); });
  return text;
}

}  // namespace

bool is_automatic_name(std::string_view name, std::span<const std::string_view> vendors) {
  const auto is_numbered = [name](std::string_view stem) {
    return name.size() > stem.size() && name.starts_with(stem) &&
           std::ranges::all_of(name.substr(stem.size()),
                               [](unsigned char c) { return std::isdigit(c) != 0; });
  };
  return is_numbered("cpu") || std::ranges::any_of(vendors, is_numbered);
}

void UniqueNames::take(const std::string& name, std::string_view what, Position at, Reporter& report) {
  if (!is_name(name)) {
    report.error(at, "name: '" + name.substr(0, 60) +
                         "'; write letters, digits, '-' and '_', the first a letter or digit, at most 128");
    return;
  }
  const std::string key = lower_case(name);
  if (!vendors_.empty() && is_automatic_name(key, vendors_)) {
    report.error(at, "name: '" + name +
                         "' is a name that flopwatt gives to accelerators or CPU packages itself; "
                         "choose another");
    return;
  }
  const auto [owner, is_new] = taken_.try_emplace(key, Owner{std::string(what), at.line});
  if (!is_new)
    report.error(at, "name: '" + name + "' is already the name of the " + owner->second.what + " in line " +
                         std::to_string(owner->second.line) + " (upper and lower case count as the same)");
}

std::string UniqueNames::read(MapReader& map, std::string_view what) {
  const YamlNode* node = map.require("name");
  const std::string* text = node == nullptr ? nullptr : text_of(*node, "name", map.report());
  if (text == nullptr) return "";
  take(*text, what, node->at, map.report());
  return *text;
}

}  // namespace flopwatt
