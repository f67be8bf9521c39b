#include <algorithm>

#include "config/sections.h"
#include "config/yaml/nearest.h"
#include "readings/pci_address.h"
#include "readings/precision.h"

namespace flopwatt {
namespace {

bool is_auto(const YamlNode& node) { return node.is_scalar() && node.text == "auto"; }

void read_precision(MapReader& map, Place& out) {
  const YamlNode* node = map.find("tensor_precision");
  const std::string* text = node == nullptr ? nullptr : text_of(*node, "tensor_precision", map.report());
  if (text == nullptr) return;
  std::vector<std::string_view> names;
  names.reserve(assumed_precisions.size());
  for (const AssumedPrecision& one : assumed_precisions) names.push_back(label_of(one.precision));
  const auto found = std::ranges::find(names, *text);
  if (found == names.end())
    map.report().error(node->at, "tensor_precision: '" + *text + "'; write " + list_words(names) +
                                     ", what your workloads use most");
  else
    out = *find_place(PlaceKind::precision, *text);
}

// The longest path that a socket's address holds.
constexpr std::size_t longest_socket_path = 107;

void read_guest(MapReader& map, const std::string& vendor, AcceleratorConfig& accelerators) {
  const YamlNode* node = map.find("guest");
  std::string path;
  if (!map.read_text("guest", path)) return;
  if (path.front() == '/' && path.size() <= longest_socket_path)
    accelerators.guest_socket = path;
  else
    map.report().error(node->at, "guest: '" + path.substr(0, 120) +
                                     "'; write the absolute path of the socket of flopwatt-smi@" + vendor +
                                     ", at most 107 characters: /run/flopwatt-smi/" + vendor + ".sock");
}

void read_vendor(const YamlNode& node, const VendorKeys& vendor, const Reading& reading) {
  const std::string name(vendor.name);
  AcceleratorConfig& accelerators = reading.config.accelerators[name];
  if (is_off(node)) {
    accelerators.enabled = false;
  } else if (node.is_map()) {
    accelerators.required = true;
    MapReader map(node, name, reading.report);
    map.read_text("library", accelerators.library);
    read_guest(map, name, accelerators);
    map.read_duration("interval", {vendor.shortest_interval, longest_interval}, accelerators.interval);
    read_precision(map, accelerators.tensor_precision);
    map.finish();
  } else if (!is_auto(node)) {
    reading.report.error(node.at,
                         name + ": write auto, off or a map with library, guest, interval, tensor_precision");
  }
}

void read_other_vendor(MapReader& map, std::string_view vendor) {
  const YamlNode* node = map.find(vendor);
  if (node == nullptr || is_off(*node) || is_auto(*node)) return;
  map.report().error(node->at, std::string(vendor) + ": " +
                                   (node->is_map() ? "settings are not yet supported; write auto or off"
                                                   : "write auto or off"));
}

void read_names(const YamlNode& node, const Reading& reading) {
  if (!node.is_map()) {
    reading.report.error(node.at, "names: write a map of PCI addresses and names");
    return;
  }
  std::vector<NameOverride>& names = reading.config.accelerator_names;
  for (const YamlEntry& entry : node.entries) {
    const std::string* name = text_of(entry.value, "names", reading.report);
    const std::optional<std::string> pci = normal_pci(entry.key);
    if (!pci) {
      reading.report.error(entry.at, "names: '" + entry.key +
                                         "' is no PCI address; write it as `nvidia-smi` and `lspci -D` do: "
                                         "\"0000:41:00.0\"");
    } else if (std::ranges::find(names, *pci, &NameOverride::pci) != names.end()) {
      reading.report.error(entry.at, "names: " + *pci + " is named twice; remove one of them");
    } else if (name != nullptr) {
      reading.names.take(*name, "accelerator", entry.value.at, reading.report);
      names.push_back({*pci, *name});
    }
  }
}

}  // namespace

void read_accelerators(const YamlNode& node, const Reading& reading) {
  MapReader map(node, "accelerators", reading.report);
  for (const VendorKeys& vendor : reading.vendors)
    if (const YamlNode* settings = map.find(vendor.name)) read_vendor(*settings, vendor, reading);
  for (const std::string_view vendor : reading.reserved)
    if (!reading.config.accelerators.contains(vendor)) read_other_vendor(map, vendor);
  read_other_vendor(map, "cpu");
  if (const YamlNode* names = map.find("names")) read_names(*names, reading);
  map.finish();
}

}  // namespace flopwatt
