// `rack`: serves a simulated rack's meters until it is asked to end, and takes fault
// commands on standard input.
#include <getopt.h>
#include <poll.h>
#include <sys/signalfd.h>
#include <unistd.h>

#include <csignal>
#include <cstdlib>
#include <filesystem>
#include <iostream>
#include <stdexcept>

#include "commands.h"
#include "meter_server.h"

namespace {

namespace json = boost::json;

struct Options {
  std::string load;
  std::string state;
  std::uint16_t port = 0;
  bool print_ports = false;
};

constexpr const char* kUsage = "usage: rack --load=FILE --state=FILE [--port=0] [--print-ports]\n";

Options options_of(int argc, char** argv) {
  const option known[] = {{"load", required_argument, nullptr, 'l'},
                          {"state", required_argument, nullptr, 's'},
                          {"port", required_argument, nullptr, 'p'},
                          {"print-ports", no_argument, nullptr, 'P'},
                          {nullptr, 0, nullptr, 0}};
  Options options;
  for (int key = 0; (key = getopt_long(argc, argv, "", known, nullptr)) != -1;) {
    if (key == 'l') options.load = optarg;
    if (key == 's') options.state = optarg;
    if (key == 'p') options.port = static_cast<std::uint16_t>(std::stoul(optarg));
    if (key == 'P') options.print_ports = true;
    if (key == '?') throw std::invalid_argument(kUsage);
  }
  if (options.load.empty() || options.state.empty()) throw std::invalid_argument(kUsage);
  return options;
}

std::string library_path() {
  const auto beside = std::filesystem::read_symlink("/proc/self/exe").parent_path();
  return beside / "nvml" / "libnvidia-ml.so.1";
}

json::array meters_of(const rack::Load& load, const rack::MeterServer& server) {
  json::array meters;
  for (std::size_t i = 0; i < load.meters.size(); ++i) {
    const rack::Meter& meter = load.meters[i];
    meters.push_back({{"name", meter.name},
                      {"kind", meter.kind == rack::MeterKind::raw ? "raw" : "sdm630"},
                      {"host", "127.0.0.1"},
                      {"port", server.endpoint_of(i).port},
                      {"unit_id", meter.unit_id},
                      {"serial", meter.serial}});
  }
  return meters;
}

json::array gpus_of(const rack::Load& load) {
  json::array gpus;
  for (std::size_t i = 0; i < load.gpus.size(); ++i)
    gpus.push_back({{"index", i},
                    {"name", load.gpus[i].name},
                    {"product", load.gpus[i].product},
                    {"uuid", load.gpus[i].uuid}});
  return gpus;
}

void announce(const Options& options, const rack::Load& load, const rack::RackState& state,
              const rack::MeterServer& server) {
  const json::object line{{"start", static_cast<double>(state.start_realtime_ns) * 1e-9},
                          {"start_realtime_ns", state.start_realtime_ns},
                          {"start_monotonic_ns", state.start_monotonic_ns},
                          {"pid", state.pid},
                          {"load", state.load_path.data()},
                          {"library", library_path()},
                          {"env", {{"RACK_STATE", std::filesystem::absolute(options.state).string()}}},
                          {"meters", meters_of(load, server)},
                          {"gpus", gpus_of(load)}};
  std::cout << json::serialize(line) << '\n';
  if (options.print_ports)
    for (std::size_t i = 0; i < load.meters.size(); ++i)
      std::cout << load.meters[i].name << ' ' << server.endpoint_of(i).port << ' '
                << static_cast<int>(load.meters[i].unit_id) << '\n';
  std::cout << std::flush;
}

void obey(const std::string& line, const rack::Load& load, rack::RackState& state) {
  const rack::Words words = rack::words_of(line);
  if (words.empty()) return;
  try {
    std::cout << json::serialize(rack::execute(words, load, state)) << std::endl;
  } catch (const std::exception& error) {
    std::cout << json::serialize(json::object{{"ok", false}, {"error", error.what()}}) << std::endl;
  }
}

// Until a signal; the end of standard input only ends the commands.
void attend(int signals, const rack::Load& load, rack::RackState& state) {
  pollfd waiting[2] = {{signals, POLLIN, 0}, {STDIN_FILENO, POLLIN, 0}};
  std::string pending;
  for (;;) {
    if (poll(waiting, 2, -1) < 0 || waiting[0].revents) return;
    if (!waiting[1].revents) continue;
    char chunk[4096];
    const ssize_t n = read(STDIN_FILENO, chunk, sizeof chunk);
    if (n <= 0) {
      waiting[1].fd = -1;
      continue;
    }
    pending.append(chunk, static_cast<std::size_t>(n));
    for (std::size_t end = 0; (end = pending.find('\n')) != std::string::npos; pending.erase(0, end + 1))
      obey(pending.substr(0, end), load, state);
  }
}

int run(int argc, char** argv) {
  const Options options = options_of(argc, argv);
  sigset_t ends;
  sigemptyset(&ends);
  sigaddset(&ends, SIGTERM);
  sigaddset(&ends, SIGINT);
  // Blocked before any thread starts, so that none of them is interrupted by it.
  pthread_sigmask(SIG_BLOCK, &ends, nullptr);
  std::signal(SIGPIPE, SIG_IGN);
  const int signals = signalfd(-1, &ends, SFD_CLOEXEC);
  const rack::Load load = rack::load_file(options.load);
  const rack::StatePtr state = rack::create_state(options.state, options.load);
  const rack::MeterServer server({load, *state}, options.port);
  announce(options, load, *state, server);
  attend(signals, load, *state);
  return EXIT_SUCCESS;
}

}  // namespace

int main(int argc, char** argv) {
  try {
    return run(argc, argv);
  } catch (const std::exception& error) {
    std::cerr << "rack: " << error.what() << '\n';
    return EXIT_FAILURE;
  }
}
