#include "meter_server.h"

#include <arpa/inet.h>
#include <fcntl.h>
#include <poll.h>
#include <sys/resource.h>
#include <sys/select.h>
#include <sys/socket.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <cstring>
#include <stdexcept>

namespace rack {
namespace {

// How soon a switched refusal or a stop is noticed.
constexpr int kTickMs = 20;

// Returns the descriptor and writes the port that the kernel chose.
int listen_on(std::uint16_t& port) {
  const int low = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
  // libmodbus selects on connections and dies of a descriptor above FD_SETSIZE, so listeners leave
  // the low ones free.
  const int high = fcntl(low, F_DUPFD_CLOEXEC, FD_SETSIZE);
  const int listener = high < 0 ? low : high;
  if (high >= 0) close(low);
  const int on = 1;
  setsockopt(listener, SOL_SOCKET, SO_REUSEADDR, &on, sizeof on);
  sockaddr_in address{};
  address.sin_family = AF_INET;
  address.sin_port = htons(port);
  address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
  socklen_t size = sizeof address;
  auto* generic = reinterpret_cast<sockaddr*>(&address);
  if (bind(listener, generic, size) != 0 || listen(listener, SOMAXCONN) != 0) {
    const int error = errno;
    close(listener);
    throw std::runtime_error("port " + std::to_string(port) + " of 127.0.0.1: " + std::strerror(error));
  }
  getsockname(listener, generic, &size);
  port = ntohs(address.sin_port);
  return listener;
}

void allow_many_descriptors() {
  rlimit limit{};
  getrlimit(RLIMIT_NOFILE, &limit);
  limit.rlim_cur = limit.rlim_max;
  setrlimit(RLIMIT_NOFILE, &limit);
}

}  // namespace

MeterServer::MeterServer(Rack rack, std::uint16_t base_port) : rack_(rack) {
  allow_many_descriptors();
  for (std::size_t i = 0; i < rack_.load.meters.size(); ++i) {
    const Meter& meter = rack_.load.meters[i];
    Endpoint& endpoint = endpoint_for(meter);
    if (endpoint.listener < 0) {
      endpoint.port = meter.port ? meter.port : base_port;
      if (!meter.port && base_port) ++base_port;
      endpoint.listener = listen_on(endpoint.port);
    }
    if (!endpoint.units.emplace(meter.unit_id, i).second)
      throw std::runtime_error(meter.name + ": its unit id is taken on its gateway");
    by_meter_.push_back(&endpoint);
  }
  thread_ = std::jthread([this](const std::stop_token& stop) { accept_loop(stop); });
}

MeterServer::~MeterServer() {
  thread_.request_stop();
  thread_.join();
  connections_.clear();
  for (const Endpoint& endpoint : endpoints_)
    if (endpoint.listener >= 0) close(endpoint.listener);
}

Endpoint& MeterServer::endpoint_for(const Meter& meter) {
  if (!meter.gateway.empty())
    for (Endpoint& endpoint : endpoints_)
      if (endpoint.gateway == meter.gateway) return endpoint;
  return endpoints_.emplace_back(Endpoint{meter.gateway, 0, -1, {}});
}

bool MeterServer::refuses(const Endpoint& endpoint) const {
  return std::ranges::any_of(endpoint.units, [&](const auto& unit) {
    return rack_.state.meters[unit.second][MeterFault::refuse].load() != 0;
  });
}

void MeterServer::apply_refusals() {
  for (Endpoint& endpoint : endpoints_) {
    const bool refused = refuses(endpoint);
    if (refused && endpoint.listener >= 0) {
      close(endpoint.listener);
      endpoint.listener = -1;
      // Only so does a client that keeps its connection meet the refusal.
      connections_.remove_if([&](const auto& connection) { return &connection->endpoint() == &endpoint; });
    } else if (!refused && endpoint.listener < 0) {
      // The port is known by now, and others read it: only the listener is this thread's to change.
      std::uint16_t port = endpoint.port;
      try {
        endpoint.listener = listen_on(port);
      } catch (const std::runtime_error&) {
        // Somebody else has the port for the moment; the next tick tries again.
      }
    }
  }
}

void MeterServer::accept_from(Endpoint& endpoint) {
  const int socket = accept4(endpoint.listener, nullptr, nullptr, SOCK_CLOEXEC);
  if (socket < 0) return;
  if (socket >= FD_SETSIZE) {
    close(socket);
    return;
  }
  connections_.push_back(std::make_unique<Connection>(rack_, endpoint, writer_, socket));
}

void MeterServer::accept_loop(const std::stop_token& stop) {
  std::vector<pollfd> waiting;
  std::vector<Endpoint*> listening;
  while (!stop.stop_requested()) {
    apply_refusals();
    connections_.remove_if([](const auto& connection) { return connection->finished(); });
    waiting.clear();
    listening.clear();
    for (Endpoint& endpoint : endpoints_) {
      if (endpoint.listener < 0) continue;
      waiting.push_back({endpoint.listener, POLLIN, 0});
      listening.push_back(&endpoint);
    }
    if (poll(waiting.data(), waiting.size(), kTickMs) <= 0) continue;
    for (std::size_t i = 0; i < waiting.size(); ++i)
      if (waiting[i].revents & POLLIN) accept_from(*listening[i]);
  }
}

}  // namespace rack
