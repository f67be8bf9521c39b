#include "config/accelerator_table.h"

#include <doctest/doctest.h>

#include "config/read_accelerator_table.h"
#include "tests/unit/config/shipped_vendors.h"

using namespace flopwatt;

namespace {

/// NVIDIA's section.
VendorTable shipped() {
  std::vector<Finding> findings;
  const Reporter report(findings, "f.yml");
  const AcceleratorTable table = load_accelerator_table(
      std::string(FLOPWATT_SOURCE_DIR) + "/config/accelerators.yml", test::shipped_vendors, report);
  for (const Finding& finding : findings) MESSAGE(finding.text());
  REQUIRE(findings.empty());
  return table.at("nvidia");
}

std::string product_of(const VendorTable& table, const std::string& reported) {
  const Product* product = table.product(reported);
  return product == nullptr ? "" : product->name;
}

}  // namespace

TEST_CASE("names as the driver reports them find their product") {
  const VendorTable table = shipped();
  CHECK(product_of(table, "NVIDIA H100 80GB HBM3") == "H100 SXM");
  CHECK(product_of(table, "NVIDIA H100 PCIe") == "H100 PCIe");
  CHECK(product_of(table, "NVIDIA H200") == "H200 SXM");
  CHECK(product_of(table, "NVIDIA B200") == "B200 SXM");
  CHECK(product_of(table, "NVIDIA A100-SXM4-40GB") == "A100 SXM");
  CHECK(product_of(table, "A100-SXM4-80GB") == "A100 SXM");
  CHECK(product_of(table, "NVIDIA A100-PCIE-40GB") == "A100 PCIe");
  CHECK(product_of(table, "NVIDIA A100 80GB PCIe") == "A100 PCIe");
  CHECK(product_of(table, "Tesla V100-SXM2-16GB") == "V100 SXM2");
  CHECK(product_of(table, "Tesla V100-PCIE-32GB") == "V100 PCIe");
  CHECK(product_of(table, "Tesla T4") == "T4");
  CHECK(product_of(table, "NVIDIA L40S") == "L40S");
  CHECK(product_of(table, "NVIDIA L4") == "L4");
  CHECK(product_of(table, "NVIDIA A10") == "A10");
}

TEST_CASE("a product whose figures are not known has none") {
  const VendorTable table = shipped();
  for (const char* other :
       {"NVIDIA H200 NVL", "NVIDIA A10G", "NVIDIA L40", "NVIDIA GeForce RTX 4090 D", "", "Graphics"})
    CHECK(product_of(table, other).empty());
  CHECK(table.rates_of("9.9") == nullptr);
  CHECK(table.rates_of("90.0") == nullptr);
}

// Rate x SMs x clock of the data sheet must give the data sheet's peak: a wrong digit in either shows.
TEST_CASE("rates and peaks agree") {
  const VendorTable table = shipped();
  struct Chip {
    const char* reported;
    const char* capability;
    int sms;
    double boost_hz, tensor_hz;
  };
  for (const Chip& chip :
       {Chip{"NVIDIA H100 80GB HBM3", "9.0", 132, 1980e6, 1830e6},
        Chip{"NVIDIA H200", "9.0", 132, 1980e6, 1830e6},
        Chip{"NVIDIA A100-SXM4-80GB", "8.0", 108, 1410e6, 1410e6},
        Chip{"Tesla V100-SXM2-16GB", "7.0", 80, 1530e6, 1530e6},
        Chip{"NVIDIA B200", "10.0", 148, 1965e6, 1835e6}, Chip{"NVIDIA L40S", "8.9", 142, 2520e6, 2520e6},
        Chip{"Tesla T4", "7.5", 40, 1590e6, 1590e6}}) {
    CAPTURE(chip.reported);
    const Rates* rates = table.rates_of(chip.capability);
    const Product* product = table.product(chip.reported);
    REQUIRE(rates != nullptr);
    REQUIRE(product != nullptr);
    const auto& peak = product->peak_flop_per_second;
    CHECK(peak.at("fp32") == doctest::Approx(rates->at("fp32") * chip.sms * chip.boost_hz).epsilon(0.02));
    CHECK(peak.at("fp16") ==
          doctest::Approx(rates->at("fp16_tensor") * chip.sms * chip.tensor_hz).epsilon(0.02));
    if (peak.contains("bf16")) CHECK(peak.at("bf16") == peak.at("fp16"));
    if (peak.contains("tf32"))
      CHECK(peak.at("tf32") ==
            doctest::Approx(rates->at("tf32_tensor") * chip.sms * chip.tensor_hz).epsilon(0.02));
    if (peak.contains("fp8"))
      CHECK(peak.at("fp8") ==
            doctest::Approx(rates->at("fp8_tensor") * chip.sms * chip.tensor_hz).epsilon(0.02));
    if (peak.contains("fp64")) {
      const double fp64 = rates->contains("fp64_tensor") ? rates->at("fp64_tensor") : rates->at("fp64");
      CHECK(peak.at("fp64") == doctest::Approx(fp64 * chip.sms * chip.boost_hz).epsilon(0.03));
    }
  }
}

TEST_CASE("rates of every architecture") {
  const VendorTable table = shipped();
  CHECK(table.rates.size() == 7);
  CHECK(table.rates_of("9.0")->at("fp8_tensor") == 8192);
  CHECK(table.rates_of("9.0")->at("fp64_tensor") == 256);
  CHECK_FALSE(table.rates_of("7.0")->contains("bf16_tensor"));  // Volta has none
  CHECK_FALSE(table.rates_of("8.0")->contains("fp8_tensor"));
  CHECK(table.rates_of("8.0")->at("fp32_lanes") == 64);
  CHECK(table.rates_of("8.6")->at("fp32_lanes") == 128);
}

TEST_CASE("a wrong or missing table is a finding") {
  std::vector<Finding> findings;
  Reporter report(findings, "t.yml");
  (void)read_accelerator_table(
      "nvidia:\n"
      "  flop_per_clock_per_sm:\n"
      "    \"90\": {fp32_lanes: 128}\n"
      "    \"9.0\": {fp64: -1, fp16: many, fp4: 3}\n"
      "  products:\n"
      "    - {name: X, match: Y, tflop_per_second: {fp32: 0, int8: 1}}\n"
      "    - {name: X}\n"
      "amd: {}\n",
      test::shipped_vendors, report);
  std::vector<std::string> places;
  for (const Finding& finding : findings)
    places.push_back(finding.text().substr(0, finding.text().find(' ')));
  const std::vector<std::string> expected = {
      "t.yml:3:5:",  "t.yml:4:19:", "t.yml:4:29:", "t.yml:4:12:", "t.yml:4:35:",
      "t.yml:6:52:", "t.yml:6:55:", "t.yml:7:7:",  "t.yml:7:7:",  "t.yml:8:1:"};
  CHECK(places == expected);

  findings.clear();
  CHECK(load_accelerator_table("/nowhere/accelerators.yml", test::shipped_vendors, report).empty());
  REQUIRE(findings.size() == 1);
  CHECK(findings[0].file == "/nowhere/accelerators.yml");
}
