// The rooms that ship, unchanged, with one more row in the list of exporters: a kind that only this test has
// runs beside MQTT, through reloads.
#include <doctest/doctest.h>
#include <signal.h>

#include <algorithm>
#include <fstream>
#include <thread>

#include "agent/daemon/daemon.h"
#include "config/yaml/map_reader.h"
#include "drivers/accelerators/vendors.h"
#include "runtime/clock.h"
#include "runtime/schedule.h"
#include "tests/unit/drivers/modbus/libmodbus_server.h"
#include "tests/unit/exporters/mqtt/mosquitto.h"

using namespace flopwatt;
using namespace std::chrono_literals;
namespace fs = std::filesystem;

namespace {

struct FileSettings {
  std::string path;
  bool operator==(const FileSettings&) const = default;
};

ExporterSettings read_settings(MapReader& map, const Config&) {
  FileSettings settings;
  map.read_text("path", settings.path);
  return ExporterSettings(settings);
}

/// Writes the seq of each set as a line, and "end" as the last one.
class FileExporter final : public PushExporter {
 public:
  FileExporter(std::string name, const FileSettings& settings)
      : name_(std::move(name)), file_(settings.path) {}

  const std::string& name() const override { return name_; }
  bool up() const override { return up_; }
  std::uint64_t connection() const override { return up_ ? 1 : 0; }

  awaitable<void> run() override {
    up_ = true;
    changed_.notify();
    try {
      co_await sleep_until(SteadyTime::max());
    } catch (...) {
      up_ = false;
      file_ << "end" << std::endl;
      throw;
    }
  }
  awaitable<void> wait_until_up() override {
    while (!up_) co_await changed_.wait();
  }
  awaitable<void> publish(const std::vector<StoredSet>& sets, Lane, std::vector<Fate>& fates) override {
    for (const StoredSet& stored : sets) file_ << stored.seq << std::endl;
    std::ranges::fill(fates, Fate::delivered);
    co_return;
  }
  Time replay_from(SourceKind, const std::string&) const override { return {}; }
  std::vector<Refusals> refusals() const override { return {}; }
  std::vector<std::string> remarks() const override { return {}; }
  void set_status(const std::vector<SourceStatus>&) override {}

 private:
  std::string name_;
  std::ofstream file_;
  bool up_ = false;
  Condition changed_;
};

std::unique_ptr<PushExporter> make_file_exporter(const ExporterConfig& config, const std::string&,
                                                 std::string_view) {
  return std::make_unique<FileExporter>(config.name, config.settings.as<FileSettings>());
}

std::vector<ExporterKind> kinds_with_file() {
  const auto shipped = exporter_kinds();
  std::vector<ExporterKind> kinds(shipped.begin(), shipped.end());
  kinds.push_back({{"file", "a file exporter", read_settings}, nullptr, make_file_exporter});
  return kinds;
}

using Seqs = std::vector<std::uint64_t>;

/// What a file exporter has written so far.
struct Written {
  Seqs seqs;
  bool ended = false;
};
Written written_to(const fs::path& path) {
  Written written;
  std::ifstream file(path);
  for (std::string line; std::getline(file, line);)
    line == "end" ? void(written.ended = true) : written.seqs.push_back(std::stoull(line));
  return written;
}

/// The sets that the broker has passed on so far, live and replayed.
Seqs published(test::Subscriber& subscriber) {
  constexpr std::string_view key = "\"seq\":";
  Seqs seqs;
  for (const test::Received& message : subscriber.messages())
    for (std::size_t at = 0; (at = message.payload.find(key, at)) != std::string::npos; at += key.size())
      seqs.push_back(std::stoull(message.payload.substr(at + key.size())));
  return seqs;
}

/// Nothing twice and nothing left out, in whatever order.
void check_complete(Seqs seqs) {
  std::ranges::sort(seqs);
  REQUIRE_FALSE(seqs.empty());
  std::string all;
  for (const std::uint64_t seq : seqs) all += std::to_string(seq) + ' ';
  CAPTURE(all);
  CHECK(seqs.back() - seqs.front() + 1 == seqs.size());
  CHECK(std::ranges::adjacent_find(seqs) == seqs.end());
}

template <class Condition>
bool wait_until(Condition condition) {
  const auto deadline = std::chrono::steady_clock::now() + 20s;
  while (!condition()) {
    if (std::chrono::steady_clock::now() >= deadline) return false;
    std::this_thread::sleep_for(10ms);
  }
  return true;
}

/// One meter that is read ten times a second, a broker, and the agent on a thread of its own.
class Site {
 public:
  Site() { broker.start(); }
  ~Site() { end(); }
  Site(const Site&) = delete;
  Site& operator=(const Site&) = delete;

  /// Writes a configuration with these lines below `exporters`, besides MQTT's.
  void configure(const std::string& exporters) const {
    std::ofstream(configuration())
        << "node: site\n"
        << "sampling: {interval: 100ms}\n"
        << "store: {commit: 250ms, path: " << (folder.path / "store.db").string() << "}\n"
        << "accelerators: {nvidia: off}\n"
        << "meters:\n"
        << "  - name: pdu\n"
        << "    address: tcp://127.0.0.1:" << meter_.port() << "\n"
        << "    registers: [{quantity: active_power, address: 0, function: 3, type: u16}]\n"
        << "exporters:\n"
        << "  prometheus: off\n"
        << "  mqtt: [{name: ems, broker: \"mqtt://127.0.0.1:" << broker.port << "\"}]\n"
        << exporters;
  }
  [[nodiscard]] std::string file_exporter(const fs::path& file) const {
    return "  file: [{name: archive, path: " + file.string() + "}]\n";
  }

  void start() {
    const auto loaded = std::make_shared<const Loaded>(
        load_config(configuration(), default_data_paths(),
                    {accelerators::keys_of(accelerators::all_vendors()), sections_of(kinds_)}));
    for (const Finding& finding : loaded->findings) MESSAGE(finding.text());
    REQUIRE_FALSE(loaded->has_errors());
    store::Settings settings;
    settings.path = loaded->config.store.path;
    settings.max_size_bytes = loaded->config.store.max_size_bytes;
    settings.max_age = loaded->config.store.max_age;
    settings.first_seq = static_cast<std::uint64_t>(now().wall_us);
    settings.exporters = {"ems"};
    auto store = store::Store::open(settings);
    REQUIRE(store);
    agent_ = std::make_unique<daemon::Daemon>(loaded, std::move(*store), accelerators::all_vendors(), kinds_);
    meter_.start();
    thread_ = std::thread([this] { agent_->run(); });
  }
  void reload(const std::string& exporters) const {
    configure(exporters);
    ::kill(::getpid(), SIGHUP);
  }
  void end() {
    if (!thread_.joinable()) return;
    ::kill(::getpid(), SIGTERM);
    thread_.join();
    agent_.reset();
  }

  test::Mosquitto broker;
  test::TemporaryFolder folder;

 private:
  [[nodiscard]] fs::path configuration() const { return folder.path / "flopwatt.yml"; }

  const std::vector<ExporterKind> kinds_ = kinds_with_file();
  modbus_test::LibmodbusServer meter_;
  std::unique_ptr<daemon::Daemon> agent_;
  std::thread thread_;
};

}  // namespace

TEST_CASE(
    "a second kind of exporter is added, changed and removed while MQTT goes on: nothing lost, nothing "
    "twice") {
  Site site;
  test::Subscriber subscriber(site.broker, "flopwatt/site/#");
  REQUIRE(wait_until([&] { return site.broker.logged("Received SUBSCRIBE") == 1; }));
  const auto has_published = [&](std::size_t more) {
    const std::size_t before = published(subscriber).size();
    return wait_until([&] { return published(subscriber).size() >= before + more; });
  };
  const fs::path first = site.folder.path / "first", second = site.folder.path / "second";

  site.configure("");
  site.start();
  REQUIRE(has_published(5));

  site.reload(site.file_exporter(first));
  REQUIRE(wait_until([&] { return written_to(first).seqs.size() >= 5; }));

  site.reload(site.file_exporter(second));
  REQUIRE(wait_until([&] { return written_to(second).seqs.size() >= 5; }));
  CHECK(written_to(first).ended);

  site.reload("");
  REQUIRE(wait_until([&] { return written_to(second).ended; }));
  REQUIRE(has_published(5));
  site.end();

  const Seqs before = written_to(first).seqs, after = written_to(second).seqs;
  Seqs archived = before;
  archived.insert(archived.end(), after.begin(), after.end());
  check_complete(archived);
  CHECK(std::ranges::is_sorted(archived));
  const Seqs mqtt = published(subscriber);
  check_complete(mqtt);
  CHECK(std::ranges::min(mqtt) < archived.front());
  CHECK(std::ranges::max(mqtt) > archived.back());
  CHECK(site.broker.logged("as flopwatt-site-ems") == 1);  // one connection, through all reloads
}
