#include "config/read_accelerator_table.h"

#include <string_view>

#include "config/glob.h"
#include "config/yaml/map_reader.h"
#include "config/yaml/text_file.h"
#include "readings/precision.h"

namespace flopwatt {
namespace {

constexpr double tera = 1e12;

Rates read_architecture(const YamlNode& node, const RateKeys& keys, Reporter& report) {
  MapReader map(node, "the rates of a " + std::string(keys.architecture), report);
  Rates rates;
  for (const RateKey& key : keys.rates) {
    if (key.required && map.require(key.name) == nullptr) continue;
    double rate = 0;
    if (map.read_number(key.name, {key.least, key.most}, rate)) rates[std::string(key.name)] = rate;
  }
  map.finish();
  return rates;
}

Product read_product(const YamlNode& node, Reporter& report) {
  MapReader map(node, "a product", report);
  Product product;
  if (map.require("name") != nullptr) map.read_text("name", product.name);
  if (map.require("match") != nullptr) map.read_text("match", product.name_match);
  if (const YamlNode* peaks = map.require("tflop_per_second")) {
    MapReader peak(*peaks, "tflop_per_second", report);
    for (const Place precision : peak_precisions) {
      double value = 0;
      if (peak.read_number(label_of(precision), {0.001, 1e6}, value))
        product.peak_flop_per_second[std::string(label_of(precision))] = value * tera;
    }
    peak.finish();
  }
  map.finish();
  return product;
}

void read_rates(MapReader& section, const RateKeys& keys, VendorTable& table, Reporter& report) {
  const YamlNode* rates = section.require(keys.key);
  if (rates == nullptr) return;
  const MapReader check(*rates, std::string(keys.key), report);  // a map without duplicates
  for (const YamlEntry& entry : rates->entries) {
    if (matches_glob(std::string(keys.pattern), entry.key))
      table.rates.try_emplace(entry.key, read_architecture(entry.value, keys, report));
    else
      report.error(entry.at, "'" + entry.key + "' is no " + std::string(keys.architecture) +
                                 "; write it as in \"" + std::string(keys.example) + "\"");
  }
}

VendorTable read_vendor(const YamlNode& node, const VendorKeys& vendor, Reporter& report) {
  VendorTable table;
  MapReader section(node, std::string(vendor.name), report);
  if (!vendor.rates.key.empty()) read_rates(section, vendor.rates, table, report);
  if (const YamlNode* products = section.require("products"))
    for (const YamlNode& item : items_of(*products, "products", report))
      table.products.push_back(read_product(item, report));
  section.finish();
  return table;
}

}  // namespace

AcceleratorTable read_accelerator_table(const std::string& text, std::span<const VendorKeys> vendors,
                                        Reporter& report) {
  AcceleratorTable table;
  for (const VendorKeys& vendor : vendors) table.try_emplace(std::string(vendor.name));
  const std::optional<YamlNode> root = parse_yaml(text, report);
  if (!root) return table;
  MapReader map(*root, "the table of accelerators", report);
  for (const VendorKeys& vendor : vendors)
    if (const YamlNode* node = map.require(vendor.name))
      table.find(vendor.name)->second = read_vendor(*node, vendor, report);
  map.finish();
  return table;
}

AcceleratorTable load_accelerator_table(const std::filesystem::path& file,
                                        std::span<const VendorKeys> vendors, const Reporter& report) {
  Reporter in_table = report.for_file(file.string());
  const TextFile read = read_text_file(file, max_yaml_bytes);
  if (read.failure.empty()) return read_accelerator_table(read.text, vendors, in_table);
  in_table.error(
      {}, "cannot read the table of accelerators: " + read.failure + "; install flopwatt's data files again");
  return {};
}

}  // namespace flopwatt
