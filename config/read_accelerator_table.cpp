#include "config/read_accelerator_table.h"

#include <algorithm>
#include <array>
#include <string_view>

#include "config/yaml/map_reader.h"
#include "config/yaml/nearest.h"
#include "config/yaml/text_file.h"

namespace flopwatt {
namespace {

constexpr double tera = 1e12;

// "9.0"
bool is_compute_capability(std::string_view text) {
  const std::size_t point = text.find('.');
  if (point == text.npos || point == 0 || point + 2 != text.size()) return false;
  return parse_integer(text.substr(0, point)).value.has_value() &&
         parse_integer(text.substr(point + 1)).value.has_value();
}

SmRates read_rates(const YamlNode& node, Reporter& report) {
  MapReader map(node, "the rates of a compute capability", report);
  SmRates rates;
  const std::array<std::pair<std::string_view, double*>, 8> keys = {{{"fp64", &rates.fp64},
                                                                     {"fp64_tensor", &rates.fp64_tensor},
                                                                     {"fp32", &rates.fp32},
                                                                     {"fp16", &rates.fp16},
                                                                     {"tf32_tensor", &rates.tf32_tensor},
                                                                     {"fp16_tensor", &rates.fp16_tensor},
                                                                     {"bf16_tensor", &rates.bf16_tensor},
                                                                     {"fp8_tensor", &rates.fp8_tensor}}};
  for (const auto& [key, rate] : keys) map.read_number(key, {0, 1e6}, *rate);
  std::int64_t lanes = 0;
  if (map.require("fp32_lanes") != nullptr) map.read_integer("fp32_lanes", {1, 1024}, lanes);
  rates.fp32_lanes = static_cast<int>(lanes);
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
    for (const std::string_view precision : {"fp64", "fp32", "tf32", "fp16", "bf16", "fp8"}) {
      double value = 0;
      if (peak.read_number(precision, {0.001, 1e6}, value))
        product.peak_flop_per_second[std::string(precision)] = value * tera;
    }
    peak.finish();
  }
  map.finish();
  return product;
}

}  // namespace

AcceleratorTable read_accelerator_table(const std::string& text, Reporter& report) {
  AcceleratorTable table;
  const std::optional<YamlNode> root = parse_yaml(text, report);
  if (!root) return table;
  MapReader map(*root, "the table of accelerators", report);
  if (const YamlNode* nvidia_node = map.require("nvidia")) {
    MapReader nvidia(*nvidia_node, "nvidia", report);
    const YamlNode* rates = nvidia.require("flop_per_clock_per_sm");
    if (rates != nullptr) {
      const MapReader check(*rates, "flop_per_clock_per_sm", report);  // a map without duplicates
      for (const YamlEntry& entry : rates->entries) {
        if (is_compute_capability(entry.key))
          table.nvidia_rates.try_emplace(entry.key, read_rates(entry.value, report));
        else
          report.error(entry.at, "'" + entry.key + "' is no compute capability; write it as in \"9.0\"");
      }
    }
    const YamlNode* products = nvidia.require("products");
    if (products != nullptr)
      for (const YamlNode& item : items_of(*products, "products", report))
        table.nvidia_products.push_back(read_product(item, report));
    nvidia.finish();
  }
  map.finish();
  return table;
}

AcceleratorTable load_accelerator_table(const std::filesystem::path& file, const Reporter& report) {
  Reporter in_table = report.for_file(file.string());
  const TextFile read = read_text_file(file, max_yaml_bytes);
  if (read.failure.empty()) return read_accelerator_table(read.text, in_table);
  in_table.error(
      {}, "cannot read the table of accelerators: " + read.failure + "; install flopwatt's data files again");
  return {};
}

}  // namespace flopwatt
