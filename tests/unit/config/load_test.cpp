#include "config/load.h"

#include <doctest/doctest.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <filesystem>
#include <fstream>
#include <iterator>
#include <random>

#include "config/yaml/map_reader.h"
#include "config/yaml/yaml_tree.h"
#include "drivers/accelerators/nvidia/vendor.h"
#include "exporters/mqtt/settings.h"
#include "tests/unit/config/shipped_vendors.h"
#include "tests/unit/config/wrong_files.h"
#include "tests/unit/runtime/tls/test_certificates.h"

using namespace flopwatt;
using namespace std::chrono_literals;
namespace fs = std::filesystem;

namespace {

const DataPaths shipped_data = {{test::source_dir / "config/meters"},
                                test::source_dir / "config/accelerators.yml"};

/// A kind of push exporter that only this test has.
struct FileSettings {
  std::string path;
  bool operator==(const FileSettings&) const = default;
};
ExporterSettings read_file_exporter(MapReader& map, const Config&) {
  FileSettings settings;
  map.read_text("path", settings.path);
  return ExporterSettings(settings);
}
const std::vector<ExporterSection> kinds = {mqtt::section(), {"file", "a file exporter", read_file_exporter}};

AcceleratorConfig nvidia_of(const Config& config) { return config.accelerators.at("nvidia"); }

class TextAsFile {
 public:
  explicit TextAsFile(const std::string& text)
      : path_(fs::temp_directory_path() / ("flopwatt-load-" + std::to_string(getpid())) / "flopwatt.yml") {
    fs::create_directories(path_.parent_path());
    std::ofstream(path_) << text;
  }
  ~TextAsFile() { fs::remove_all(path_.parent_path()); }
  TextAsFile(const TextAsFile&) = delete;
  TextAsFile& operator=(const TextAsFile&) = delete;
  [[nodiscard]] const fs::path& path() const { return path_; }

 private:
  fs::path path_;
};

Loaded load_text(const std::string& text) {
  return load_config(TextAsFile(text).path(), shipped_data, {test::shipped_vendors, kinds});
}

Loaded load_good(const fs::path& file) {
  Loaded loaded = load_config(file, shipped_data, {test::shipped_vendors, kinds});
  for (const Finding& finding : loaded.findings) MESSAGE(finding.text());
  REQUIRE_FALSE(loaded.has_errors());
  return loaded;
}

}  // namespace

TEST_CASE("wrong configurations: every fault at its place, all at once") {
  const auto files = test::yaml_files(test::source_dir / "tests/unit/config/wrong");
  REQUIRE(files.size() >= 20);
  for (const fs::path& file : files)
    test::check_findings(file, load_config(file, shipped_data, {test::shipped_vendors, kinds}).findings);
}

TEST_CASE("how old a value may be is said by the meter, else by its profile") {
  const Config config = load_text(R"(
scopes: [{name: s, work: all}]
meters:
  - {name: a, address: "tcp://a", profile: janitza-umg-604, accuracy: {class: 1}}
  - {name: b, address: "tcp://b", profile: janitza-umg-604, accuracy: {class: 1}, refresh: 30s}
  - {name: c, address: "tcp://c", profile: janitza-umg-604, accuracy: {class: 1}, refresh: 0s}
  - {name: d, address: "tcp://d", profile: eastron-sdm630, accuracy: {class: 1}}
)")
                            .config;
  REQUIRE(config.meters.size() == 4);
  CHECK(config.meters[0].profile.refresh == 200ms);
  CHECK(config.meters[1].profile.refresh == 30s);
  CHECK(config.meters[2].profile.refresh == 0s);
  CHECK(config.meters[3].profile.refresh == 0s);
}

TEST_CASE(
    "a meter whose transformers are turned around: import and export change places, powers their sign") {
  const Loaded loaded = load_text(R"(
scopes: [{name: s, work: all}]
meters:
  - {name: plain, address: "tcp://a", profile: eastron-sdm630, accuracy: {class: 1}}
  - {name: turned, address: "tcp://b", profile: eastron-sdm630, accuracy: {class: 1}, invert: true}
  - name: own
    address: tcp://c
    accuracy: {class: 1}
    invert: true
    registers:
      - {quantity: active_power, address: 0, function: 3, type: i32, unit: kW}
      - {quantity: energy_import, address: 2, function: 3, type: u32, unit: Wh}
      - {quantity: active_power, branch: 1, address: 4, function: 3, type: i16}
      - {quantity: energy_import, branch: 1, address: 6, function: 3, type: u32}
)");
  REQUIRE_FALSE(loaded.has_errors());
  const auto find = [&](std::size_t meter, Channel channel) -> const Register& {
    const auto& registers = loaded.config.meters.at(meter).profile.registers;
    const auto found = std::ranges::find(registers, channel, &Register::channel);
    REQUIRE(found != registers.end());
    return *found;
  };
  CHECK(find(1, {Quantity::energy_import}).address == find(0, {Quantity::energy_export}).address);
  CHECK(find(1, {Quantity::energy_export}).address == find(0, {Quantity::energy_import}).address);
  for (const Channel channel : {Channel{Quantity::active_power}, Channel{Quantity::active_power, Place::l2},
                                Channel{Quantity::reactive_power}})
    CHECK(find(1, channel).scale == -find(0, channel).scale);
  for (const Channel channel : {Channel{Quantity::voltage, Place::l1}, Channel{Quantity::current, Place::l1},
                                Channel{Quantity::power_factor}, Channel{Quantity::energy_import}})
    CHECK(find(1, channel).scale == find(0, channel).scale);
  CHECK(find(2, {Quantity::active_power, Place::branch, 1}).scale == -1);
  CHECK(find(2, {Quantity::active_power}).scale == -1000);
  CHECK(find(2, {Quantity::energy_export}).address == 2);
  CHECK(loaded.config.meters.at(2).profile.registers.size() == 3);
  REQUIRE(loaded.findings.size() == 2);  // no export register; energy of branches
  CHECK(loaded.findings[0].text().find("quantity: energy_export") != std::string::npos);
  CHECK(loaded.findings[1].text().find("branches") != std::string::npos);
}

TEST_CASE("a register beside a profile that knows its address as something else is a warning") {
  const auto warnings = [](const std::string& reg) {
    const Loaded loaded = load_text(R"(
scopes: [{name: s, work: all}]
meters: [{name: m, address: "tcp://a", profile: eastron-sdm630, accuracy: {class: 1}, registers: [)" +
                                    reg + "]}]");
    REQUIRE_FALSE(loaded.has_errors());
    return loaded.findings.empty() ? std::string() : loaded.findings.front().text();
  };
  const auto says = [](const std::string& text, const std::string& part) {
    return text.find(part) != std::string::npos;
  };
  CHECK(warnings("{quantity: energy_import, address: 72, function: 4, type: f32, unit: kWh}").empty());
  CHECK(warnings("{quantity: energy_import, address: 500, function: 4, type: f32, unit: Wh}").empty());
  CHECK(says(warnings("{quantity: energy_import, address: 72, function: 4, type: f32, unit: Wh}"),
             "the profile eastron-sdm630 has another unit or scale there: the value would be 0.001 times"));
  CHECK(says(warnings("{quantity: energy_import, address: 72, function: 4, type: u32, unit: kWh}"),
             "another type"));
  CHECK(says(warnings("{quantity: energy_import, address: 72, function: 4, type: f32, unit: kWh, "
                      "word_order: little}"),
             "another word_order"));
  CHECK(says(warnings("{quantity: active_power, address: 72, function: 4, type: f32, unit: kW}"),
             "has energy_import there"));
}

TEST_CASE("registers beside a profile replace the same quantity, or are added") {
  const Loaded loaded = load_text(R"(
scopes: [{name: s, work: all}]
meters:
  - {name: plain, address: "tcp://a", profile: eastron-sdm630, accuracy: {class: 1}}
  - name: own
    address: tcp://b
    profile: eastron-sdm630
    accuracy: {class: 1}
    max_registers: 40
    branches: {7: gpu-01}
    registers:
      - {quantity: energy_import, address: 72, function: 4, type: f32, unit: kWh, resolution: 0.01}
      - {quantity: active_power, branch: 7, address: 210, function: 3, type: i32, unit: W}
)");
  for (const Finding& finding : loaded.findings) MESSAGE(finding.text());
  REQUIRE(loaded.findings.empty());
  const MeterProfile& plain = loaded.config.meters.at(0).profile;
  const MeterProfile& own = loaded.config.meters.at(1).profile;
  CHECK(own.id == plain.id);
  CHECK(own.limits.max_registers == 40);
  CHECK(own.limits.max_hole == plain.limits.max_hole);
  REQUIRE(own.registers.size() == plain.registers.size() + 1);
  for (std::size_t i = 0; i < plain.registers.size(); ++i) {
    CHECK(own.registers[i].channel == plain.registers[i].channel);
    const bool replaced = own.registers[i].channel == Channel{Quantity::energy_import};
    CHECK((own.registers[i] == plain.registers[i]) == !replaced);
    if (replaced) CHECK(own.registers[i].resolution == doctest::Approx(10.0));  // Wh
  }
  CHECK(own.registers.back().channel == Channel{Quantity::active_power, Place::branch, 7});
}

TEST_CASE("a good configuration: what is said of meters") {
  const Config config = load_good(test::source_dir / "tests/unit/config/good/full.yml").config;
  CHECK(config.node == "rack-r12.example");
  CHECK(config.interval == 500ms);
  REQUIRE(config.meters.size() == 3);

  const MeterConfig& a = config.meters[0];
  CHECK(a.name == "pdu-a");
  CHECK(a.at == Position{9, 5});
  CHECK(a.address == ModbusAddress{"10.0.12.5", 502});
  CHECK(a.bus == "tcp://10.0.12.5:502");
  CHECK(a.unit_id == 255);
  CHECK(a.profile.id == "eastron-sdm630");
  CHECK(a.profile.limits.max_registers == 60);
  CHECK(a.accuracy.meter_class == 0.5);
  CHECK(a.accuracy.ct_class == 0.2);
  CHECK_FALSE(a.accuracy.assumed);
  CHECK(a.feed == "A");
  CHECK(a.interval == 2s);
  CHECK(a.timeout == 1s);
  CHECK(a.pause == 10ms);
  CHECK(a.close_after_poll);
  CHECK(a.accept_unit_mismatch);
  CHECK(a.invert);

  const MeterConfig& b = config.meters[1];
  CHECK(b.bus == "row-a");
  CHECK(b.address == ModbusAddress{"10.0.12.9", 1502});
  CHECK(b.timeout == 500ms);
  CHECK(b.pause == 5ms);  // the bus's turnaround
  CHECK(b.interval == 500ms);
  CHECK(b.unit_id == 0);
  CHECK_FALSE(b.close_after_poll);
  CHECK(b.profile.limits.max_registers == 80);

  const MeterConfig& main = config.meters[2];
  CHECK(main.bus == "row-a");  // the same line, though written as an address
  CHECK(main.timeout == 500ms);
  CHECK(main.profile.id.empty());
  CHECK(main.profile.limits.max_registers == 50);
  REQUIRE(main.profile.registers.size() == 3);
  CHECK(main.profile.registers[0].scale == 1000.0);
  CHECK(main.profile.registers[0].address == 3059);
  CHECK(main.profile.registers[1].wire == Wire::i64);
  CHECK(main.profile.registers[2].channel == Channel{Quantity::voltage, Place::l1});
}

TEST_CASE("a good configuration: everything else") {
  const Config config = load_good(test::source_dir / "tests/unit/config/good/full.yml").config;
  CHECK(nvidia_of(config).enabled);
  CHECK(nvidia_of(config).required);
  CHECK(nvidia_of(config).library == "/opt/libnvidia-ml.so.1");
  CHECK(nvidia_of(config).guest_socket == "/run/flopwatt-smi/nvidia.sock");
  CHECK(nvidia_of(config).interval == 250ms);
  CHECK(nvidia_of(config).tensor_precision == Place::fp8);
  REQUIRE(config.accelerator_names.size() == 2);
  CHECK(config.accelerator_names[0].pci == "0000:41:00.0");
  CHECK(config.accelerator_names[1].pci == "0000:c1:00.0");
  CHECK(config.accelerator_names[1].name == "gpu-b");

  REQUIRE(config.scopes.size() == 3);
  CHECK(config.scopes[0].energy == std::vector<EnergyEntry>{{"pdu-a"}, {"pdu-b"}});
  CHECK(config.scopes[0].work == ScopeConfig::Work::listed);
  CHECK(config.scopes[0].work_patterns == std::vector<std::string>{"nvidia*", "gpu-a", "gpu-[b-z]"});
  CHECK(config.scopes[1].work == ScopeConfig::Work::all);
  CHECK(config.scopes[2].work == ScopeConfig::Work::none);
  CHECK(config.windows == std::vector<Window>{{"10s", 10s}, {"1m", 1min}, {"900s", 15min}});
  CHECK(config.min_coverage == 0.5);

  CHECK(config.store.path == test::source_dir / "tests/unit/config/good/data/flopwatt.db");
  CHECK(config.store.max_size_bytes == std::uint64_t{64} << 20);
  CHECK(config.store.max_age == 1h);
  CHECK(config.store.commit == 250ms);

  REQUIRE(config.prometheus.listen.size() == 3);
  CHECK(config.prometheus.listen[0].text() == ":10150");
  CHECK(config.prometheus.listen[1].text() == "127.0.0.1:9100");
  CHECK(config.prometheus.listen[2].host == "::1");
  REQUIRE(config.exporters.size() == 2);
  CHECK(config.exporters[0].kind == "mqtt");
  CHECK(config.exporters[0].name == "ems");
  CHECK(config.exporters[1].name == "local");
  const auto& ems = config.exporters[0].settings.as<mqtt::Settings>();
  CHECK(ems.host == "broker.example");
  CHECK(ems.port == 1883);
  CHECK(ems.prefix == "site-1/flopwatt");
  CHECK(ems.username == "rack-r12");
  CHECK_FALSE(ems.password_file);
  CHECK(ems.publish == std::set<SourceKind>{SourceKind::meter, SourceKind::window});
  CHECK(ems.every == 10s);
  CHECK(ems.protocol == mqtt::Protocol::mqtt_3_1_1);
  const auto& local = config.exporters[1].settings.as<mqtt::Settings>();
  CHECK(local.host == "::1");
  CHECK(local.prefix == "flopwatt");
  CHECK(local.publish.size() == 5);
  CHECK(local.every == 0s);
  CHECK(local.protocol == mqtt::Protocol::automatic);
}

TEST_CASE("the example configuration works as it is and says nothing but what it shows") {
  const Loaded loaded = load_good(test::source_dir / "config/flopwatt.yml");
  CHECK(loaded.findings.empty());
  CHECK(loaded.config.meters.empty());
  REQUIRE(loaded.config.scopes.size() == 1);
  CHECK(loaded.config.scopes[0].work == ScopeConfig::Work::all);
  CHECK_FALSE(loaded.accelerators.at("nvidia").products.empty());
}

// The commented lines of the example are what people copy.
TEST_CASE("the example configuration with its commented lines is good too") {
  std::ifstream stream(test::source_dir / "config/flopwatt.yml");
  std::string text;
  for (std::string line; std::getline(stream, line);) {
    const std::size_t hash = line.find('#');
    const bool first = hash != std::string::npos && hash == line.find_first_not_of(' ');
    const bool prose = first && (hash + 1 == line.size() || (line[hash + 1] == ' ' && line[hash + 2] != ' '));
    text += (first && !prose ? line.erase(hash, 1) : line) + "\n";
  }
  const TextAsFile file(text);
  const test::CertificateFolder certificates;
  certificates.sign("agent", "DNS:agent.example");
  for (const char* name : {"ca.pem", "agent.pem", "agent.key"})
    fs::copy(certificates / name, file.path().parent_path() / name);
  fs::permissions(file.path().parent_path() / "agent.key", fs::perms::owner_read);
  const fs::path password = file.path().parent_path() / "mqtt-password";
  std::ofstream(password) << "x";
  fs::permissions(password, fs::perms::owner_read);
  const Loaded loaded = load_good(file.path());
  CHECK(loaded.findings.empty());
  CHECK(loaded.config.node == "rack-r12");
  CHECK(loaded.config.buses.size() == 2);
  CHECK(loaded.config.meters.size() == 5);
  CHECK(loaded.config.meters.at(1).timeout == 500ms);
  CHECK(loaded.config.accelerator_names.size() == 1);
  CHECK(loaded.config.scopes.size() == 3);
  REQUIRE(loaded.config.exporters.size() == 1);
  CHECK(loaded.config.exporters[0].settings.as<mqtt::Settings>().password_file == password);
}

TEST_CASE("an empty file is a good configuration: everything has a default but meters and scopes") {
  const Loaded loaded = load_text("");
  CHECK_FALSE(loaded.has_errors());
  REQUIRE(loaded.findings.size() == 1);
  CHECK(loaded.findings[0].message.find("no J/FLOP is published") != std::string::npos);
  const Config& config = loaded.config;
  CHECK_FALSE(config.node.empty());
  CHECK(config.interval == 1s);
  CHECK(nvidia_of(config).enabled);
  CHECK_FALSE(nvidia_of(config).required);
  CHECK(nvidia_of(config).library == "libnvidia-ml.so.1");
  CHECK_FALSE(nvidia_of(config).guest_socket);
  CHECK(nvidia_of(config).interval == 1s);
  CHECK(nvidia_of(config).tensor_precision == Place::bf16);
  CHECK(config.windows == std::vector<Window>{{"1m", 1min}, {"15m", 15min}});
  CHECK(config.min_coverage == 0.9);
  CHECK(config.store.path == "/var/lib/flopwatt/flopwatt.db");
  CHECK(config.store.max_size_bytes == std::uint64_t{1} << 30);
  CHECK(config.store.max_age == 24h * 7);
  CHECK(config.store.commit == 1s);
  CHECK(config.prometheus.enabled);
  CHECK(config.prometheus.listen.at(0).text() == ":10150");
  CHECK(config.exporters.empty());
}

TEST_CASE("off is the same as false") {
  for (const std::string off : {"off", "false"}) {
    const Loaded loaded = load_text("scopes: [{name: s, work: all}]\naccelerators: {nvidia: " + off +
                                    ", amd: " + off + ", cpu: " + off + "}\nexporters: {prometheus: " + off +
                                    ", mqtt: " + off + "}\nenergy: {calibrate: " + off + "}\n");
    CHECK(loaded.findings.empty());
    CHECK_FALSE(nvidia_of(loaded.config).enabled);
    CHECK_FALSE(loaded.config.prometheus.enabled);
  }
}

TEST_CASE("a short interval of meters does not hurry the accelerators") {
  const Loaded loaded = load_text(
      "sampling: {interval: 100ms}\naccelerators: {nvidia: {interval: 300ms}}\nscopes: [{name: s, work: "
      "all}]");
  CHECK(loaded.findings.empty());
  CHECK(nvidia_of(loaded.config).interval == 300ms);
  CHECK(nvidia_of(load_text("sampling: {interval: 100ms}").config).interval == 200ms);
  CHECK(nvidia_of(load_text("sampling: {interval: 5s}").config).interval == 5s);
}

TEST_CASE("default windows are those that span two readings of every source, at least one") {
  const auto windows = [](const std::string& text) {
    const Loaded loaded = load_text(text + "scopes: [{name: s, work: all}]\n");
    CHECK(loaded.findings.empty());
    return loaded.config.windows;
  };
  CHECK(windows("sampling: {interval: 30s}\n") == std::vector<Window>{{"1m", 1min}, {"15m", 15min}});
  CHECK(windows("sampling: {interval: 60s}\n") == std::vector<Window>{{"15m", 15min}});
  CHECK(windows("sampling: {interval: 60s}\nenergy: {min_coverage: 0.5}\n") ==
        std::vector<Window>{{"15m", 15min}});
  CHECK(windows("sampling: {interval: 10m}\n") == std::vector<Window>{{"20m", 20min}});
}

TEST_CASE("names that only look alike may stand side by side") {
  const Loaded loaded = load_text(
      "scopes: [{name: s, work: [nvidia1, \"nvidia2*\", \"amd?\"]}, {name: t, work: [nvidia10, amd10]}, "
      "{name: rest, "
      "work: all}, {name: nvidia, work: none}, {name: cpus, work: none}]");
  CHECK(loaded.findings.empty());
}

TEST_CASE("each kind of push exporter reads its own section; names are unique over all kinds") {
  const std::string scopes = "scopes: [{name: s, work: all}]\n";
  const Loaded loaded = load_text(scopes +
                                  "exporters:\n"
                                  "  mqtt: [{name: ems, broker: \"mqtt://b\"}]\n"
                                  "  file: [{name: archive, path: a.txt}]\n");
  CHECK(loaded.findings.empty());
  REQUIRE(loaded.config.exporters.size() == 2);
  const ExporterConfig& archive = loaded.config.exporters[1];
  CHECK(archive.kind == "file");
  CHECK(archive.settings.as<FileSettings>().path == "a.txt");
  CHECK(archive == ExporterConfig{"file", "archive", ExporterSettings(FileSettings{"a.txt"})});
  CHECK(archive != ExporterConfig{"file", "archive", ExporterSettings(FileSettings{"b.txt"})});
  CHECK(archive.settings != ExporterSettings(std::string("a.txt")));  // of another type

  const Loaded wrong = load_text(scopes +
                                 "exporters:\n"
                                 "  mqtt: [{name: ems, broker: \"mqtt://b\"}]\n"
                                 "  file: [{name: EMS, pfad: a.txt}]\n");
  REQUIRE(wrong.findings.size() == 2);
  CHECK(wrong.findings[0].message.find("name: 'EMS' is already the name of the exporter") == 0);
  CHECK(wrong.findings[1].message.find("pfad") != std::string::npos);
}

TEST_CASE("a file that cannot be read is a finding") {
  for (const auto& [path, part] :
       std::vector<std::pair<std::string, std::string>>{{"/nowhere/flopwatt.yml", "no such file"},
                                                        {"/tmp", "directory"},
                                                        {"/dev/zero", "not a regular file"}}) {
    const Loaded loaded = load_config(path, shipped_data, {test::shipped_vendors, kinds});
    REQUIRE(loaded.findings.size() == 1);
    CHECK(loaded.findings[0].text().starts_with(path + ":1:1: "));
    CHECK(loaded.findings[0].message.find(part) != std::string::npos);
  }
  const Loaded large = load_text(std::string(max_yaml_bytes + 1, '#'));
  REQUIRE(large.findings.size() == 1);
  CHECK(large.findings[0].message.find("4096 KiB") != std::string::npos);
}

TEST_CASE("a file that this user may not read: who may has to be changed") {
  const TextAsFile file("node: n\n");
  fs::permissions(file.path(), fs::perms::none);
  const bool root = ::geteuid() == 0;  // who may read everything
  constexpr ::uid_t nobody = 65534;
  if (root) REQUIRE(::seteuid(nobody) == 0);
  const Loaded loaded = load_config(file.path(), shipped_data, {test::shipped_vendors, kinds});
  if (root) REQUIRE(::seteuid(0) == 0);
  REQUIRE_FALSE(loaded.findings.empty());
  CHECK(loaded.findings[0].message ==
        "cannot read the configuration: Permission denied; let this user read it");
}

TEST_CASE("faults of a profile stand in the profile's file, once, after the configuration's") {
  const fs::path folder = test::source_dir / "tests/unit/config/wrong_profiles";
  const TextAsFile file(
      "meters:\n  - {name: a, address: \"tcp://h\", profile: overlaps, accuracy: {class: 1}}\n"
      "  - {name: b, address: \"tcp://i\", profile: overlaps, accuracy: {class: 1}}\nbad: 1\n"
      "scopes: [{name: s, energy: [a, b], work: all}]\n");
  const Loaded loaded =
      load_config(file.path(), {{folder}, shipped_data.accelerators}, {test::shipped_vendors, kinds});
  REQUIRE(loaded.findings.size() == 4);
  CHECK(loaded.findings[0].file == file.path());
  CHECK(loaded.findings[0].line == 4);
  for (std::size_t i = 1; i < 4; ++i) CHECK(loaded.findings[i].file == folder / "overlaps.yml");
}

TEST_CASE("a missing table of accelerators is an error") {
  const TextAsFile file("scopes: [{name: s, work: all}]");
  const Loaded loaded =
      load_config(file.path(), {{}, "/nowhere/accelerators.yml"}, {test::shipped_vendors, kinds});
  CHECK(loaded.has_errors());
  CHECK(loaded.findings.at(0).text().starts_with("/nowhere/accelerators.yml:1:1: "));
}

TEST_CASE("a thousand meters load") {
  std::string text = "scopes: [{name: s, work: all}]\nmeters:\n";
  for (int i = 0; i < 1000; ++i)
    text += "  - {name: m" + std::to_string(i) + ", address: \"tcp://10.0." + std::to_string(i / 250) + "." +
            std::to_string(i % 250 + 1) + "\", profile: eastron-sdm630, accuracy: {class: 1}}\n";
  const Loaded loaded = load_text(text);
  CHECK(loaded.findings.empty());
  CHECK(loaded.config.meters.size() == 1000);
}

TEST_CASE("whatever is written, loading returns and every finding has a place in the file") {
  std::ifstream stream(test::source_dir / "tests/unit/config/good/full.yml");
  const std::string good{std::istreambuf_iterator<char>(stream), {}};
  const auto lines = std::count(good.begin(), good.end(), '\n');
  const std::string alphabet = "{}[]:,-&*'\"# \n0x*/@~";
  std::mt19937 random(7);  // a fixed seed: the same texts every time
  for (int round = 0; round < 500; ++round) {
    std::string text = good;
    for (auto change = 1 + random() % 4; change > 0; --change)
      if (random() % 2 == 0)
        text.erase(random() % text.size(), random() % 8);
      else
        text[random() % text.size()] = alphabet[random() % alphabet.size()];
    CAPTURE(text);
    const Loaded loaded = load_text(text);
    for (const Finding& finding : loaded.findings) {
      CHECK(finding.line >= 1);
      CHECK(finding.line <= lines + 8);
      CHECK(finding.column >= 1);
    }
  }
}

TEST_CASE("a built program finds the data it was built with") {
  const DataPaths paths = default_data_paths();
  REQUIRE(paths.meter_profiles.size() == 2);
  CHECK(paths.meter_profiles[0] == "/etc/flopwatt/meters");
  CHECK(fs::exists(paths.meter_profiles[1] / "eastron-sdm630.yml"));
  CHECK(fs::exists(paths.accelerators));
}

TEST_CASE("each supported vendor has settings, and its automatic names; others can only be auto or off") {
  VendorKeys example = nvidia::keys;
  example.name = "example";
  example.title = "Example";
  example.library = "libexample.so.1";
  example.shortest_interval = 500ms;
  example.why_no_shorter = "they are slow";
  example.rates = {};
  const std::array both = {nvidia::keys, example};
  const fs::path table =
      fs::temp_directory_path() / ("flopwatt-vendors-" + std::to_string(getpid()) + ".yml");
  std::ofstream(table) << "nvidia: {flop_per_clock_per_sm: {}, products: []}\nexample: {products: []}\n";
  const auto load = [&](const std::string& text) {
    const TextAsFile file("scopes: [{name: s, work: [example0, \"example1*\"]}]\n" + text);
    return load_config(file.path(), {{}, table}, {both, {}});
  };
  const Loaded good =
      load("accelerators: {nvidia: off, example: {library: /x.so, tensor_precision: fp16}}\n");
  for (const Finding& finding : good.findings) MESSAGE(finding.text());
  CHECK(good.findings.empty());
  CHECK_FALSE(nvidia_of(good.config).enabled);
  const AcceleratorConfig& settings = good.config.accelerators.at("example");
  CHECK(settings.enabled);
  CHECK(settings.required);
  CHECK(settings.library == "/x.so");
  CHECK(settings.interval == 1s);
  CHECK(settings.tensor_precision == Place::fp16);
  CHECK(good.accelerators.contains("example"));
  CHECK(load("").config.accelerators.at("example").library == "libexample.so.1");

  const auto first = [&](const std::string& text) { return load(text).findings.at(0).text(); };
  CHECK(first("sampling: {interval: 250ms}\n")
            .ends_with("interval: Example accelerators are read every 500ms, they are slow; set "
                       "accelerators.example.interval"));
  CHECK(first("accelerators: {example: {guest: x}}\n").find("flopwatt-smi@example") != std::string::npos);
  CHECK(first("accelerators: {names: {\"0000:41:00.0\": example7}}\n").find("gives to accelerators") !=
        std::string::npos);
  CHECK(first("accelerators: {amd: {library: x}}\n").find("not yet supported") != std::string::npos);
  CHECK(load_text("accelerators: {example: auto}\n").has_errors());  // of a program that does not support it
  fs::remove(table);
}
