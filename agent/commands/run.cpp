#include <algorithm>
#include <chrono>
#include <csignal>
#include <exception>
#include <memory>
#include <string>
#include <utility>

#include "agent/commands/commands.h"
#include "agent/daemon/daemon.h"
#include "agent/daemon/findings_log.h"
#include "agent/daemon/store_log.h"
#include "config/load.h"
#include "exporters/prometheus/web_guard.h"
#include "exporters/registry.h"
#include "runtime/clock.h"
#include "runtime/exit_code.h"
#include "runtime/log.h"
#include "runtime/threads.h"
#include "runtime/version.h"

namespace flopwatt::commands {
namespace {

Result<std::unique_ptr<store::Store>> open_store(const Config& config) {
  store::Settings settings;
  settings.path = config.store.path;
  settings.max_size_bytes = config.store.max_size_bytes;
  settings.max_age = config.store.max_age;
  settings.node = config.node;
  settings.first_seq = static_cast<std::uint64_t>(now().wall_us);
  for (const ExporterConfig& exporter : config.exporters) settings.exporters.push_back(exporter.name);
  return store::Store::open(settings);
}

/// SIGHUP asks for a reload and never ends the agent: before somebody listens to it, it waits; after that
/// nothing comes of it. Threads that begin while it is held never see it.
void hold_hangup(bool hold) {
  sigset_t hangup;
  sigemptyset(&hangup);
  sigaddset(&hangup, SIGHUP);
  ::pthread_sigmask(hold ? SIG_BLOCK : SIG_UNBLOCK, &hangup, nullptr);
}

int run_loaded(const std::shared_ptr<const Loaded>& loaded, std::span<const accelerators::Vendor> vendors) {
  auto store = open_store(loaded->config);
  if (!store) {
    log::error("the store cannot be opened", {{"reason", store.error().message}});
    return exit_store;
  }
  daemon::log_opened((*store)->opened());
  daemon::Daemon agent(loaded, std::move(*store), vendors, exporter_kinds());
  hold_hangup(false);
  if (const auto listening = agent.listen(); !listening) {
    log::error("the endpoint cannot listen", {{"reason", listening.error().message}});
    return exit_device;
  }
  agent.run();
  hold_hangup(true);
  return exit_good;
}

/// Logging for as long as it lives; what is queued is written at its end.
struct Logging {
  Logging() { log::start(); }
  ~Logging() { log::stop(); }
  Logging(const Logging&) = delete;
  Logging& operator=(const Logging&) = delete;
};

}  // namespace

int run_agent(const std::filesystem::path& config_file, std::span<const accelerators::Vendor> vendors) {
  hold_hangup(true);
  // All kinds: the first exporter of one may come with a reload.
  for (const ExporterKind& kind : exporter_kinds())
    if (kind.prepare != nullptr) kind.prepare();
  const Logging logging;
  const auto loaded = std::make_shared<const Loaded>(load_config(
      config_file, default_data_paths(), {accelerators::keys_of(vendors), sections_of(exporter_kinds())}));
  daemon::log_findings(loaded->findings);
  const auto of_certificates = prometheus::check_web_certificates(loaded->web_config);
  daemon::log_findings(of_certificates);
  const auto is_error = [](const Finding& one) { return one.severity == Finding::Severity::error; };
  if (loaded->has_errors() || std::ranges::any_of(of_certificates, is_error)) return exit_configuration;
  log::info("starting", {{"version", std::string(version)},
                         {"revision", std::string(revision)},
                         {"node", loaded->config.node},
                         {"configuration", config_file.string()}});
  try {
    const int code = run_loaded(loaded, vendors);
    if (code == exit_good) log::info("stopped");
    return code;
  } catch (const NoThread& none) {
    log::error("the agent cannot run", {{"reason", none.what()}});
    return exit_device;
  } catch (const std::exception& thrown) {
    log::error("the agent ends because of a bug; please report it", {{"what", thrown.what()}});
    return exit_device;
  }
}

}  // namespace flopwatt::commands
