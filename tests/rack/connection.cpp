#include "connection.h"

#include <netinet/in.h>
#include <netinet/tcp.h>
#include <poll.h>
#include <sys/socket.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>

namespace rack {
namespace {

constexpr std::size_t kUnit = 6;

bool send_all(int socket, const Frame& frame) {
  std::size_t sent = 0;
  while (sent < frame.size()) {
    const ssize_t n = send(socket, frame.data() + sent, frame.size() - sent, MSG_NOSIGNAL);
    if (n < 0 && errno == EINTR) continue;
    if (n <= 0) return false;
    sent += static_cast<std::size_t>(n);
  }
  return true;
}

constexpr double kWattHour = 3600;

MeterFigures figures_at(double t, const Meter& meter, const MeterSwitches& switches, const RackState& state) {
  const auto since = [&](MeterFault fault, double otherwise) {
    const std::int64_t at = switches[fault].load();
    return at ? state.seconds_at(at) : otherwise;
  };
  MeterMoment moment;
  moment.t = since(MeterFault::freeze, t);
  moment.reset = since(MeterFault::counter_reset, moment.reset);
  moment.stop = since(MeterFault::energy_freeze, moment.stop);
  MeterFigures figures = figures_of(meter, moment);
  const auto dip_wh = static_cast<double>(switches[MeterFault::energy_dip].load());
  figures.energy_j = std::max(0.0, figures.energy_j - dip_wh * kWattHour);
  if (switches[MeterFault::zero].load()) figures.power_w = 0;
  if (switches[MeterFault::zero].load() || switches[MeterFault::energy_zero].load()) figures.energy_j = 0;
  return figures;
}

}  // namespace

Connection::Connection(Rack rack, const Endpoint& endpoint, ReplyWriter& writer, int socket)
    : rack_(rack),
      endpoint_(endpoint),
      writer_(writer),
      socket_(socket),
      context_(modbus_new_tcp("127.0.0.1", 0)) {
  const int on = 1;
  setsockopt(socket_, IPPROTO_TCP, TCP_NODELAY, &on, sizeof on);
  modbus_set_socket(context_.get(), socket_);
  thread_ = std::thread([this] { serve(); });
}

Connection::~Connection() {
  shutdown(socket_, SHUT_RDWR);
  thread_.join();
  close(socket_);
}

void Connection::serve() {
  for (bool open = true; open;) {
    pollfd waiting{socket_, POLLIN, 0};
    const int ready = poll(&waiting, 1, milliseconds_to_next());
    if (ready < 0 && errno != EINTR) break;
    if (ready > 0) open = receive();
    open = open && send_due();
  }
  // The client sees the end now; the descriptor goes when the server clears away what has finished.
  shutdown(socket_, SHUT_RDWR);
  finished_.store(true);
}

bool Connection::receive() {
  Frame request(MODBUS_TCP_MAX_ADU_LENGTH);
  const int length = modbus_receive(context_.get(), request.data());
  if (length <= static_cast<int>(kUnit) + 1) return false;
  request.resize(static_cast<std::size_t>(length));
  return answer(request);
}

bool Connection::answer(const Frame& request) {
  const auto unit = endpoint_.units.find(request[kUnit]);
  if (unit == endpoint_.units.end())
    return send_all(socket_, writer_.exception(request, kGatewayTargetFailed));
  const Meter& meter = rack_.load.meters[unit->second];
  const MeterSwitches& switches = rack_.state.meters[unit->second];
  if (switches[MeterFault::close].load()) return false;
  if (switches[MeterFault::silent].load()) return true;
  Frame frame;
  const double latency_s = random_latency_s(meter);
  // The values are of any moment between the request and the answer.
  const double taken = rack_.state.now() + random_share() * latency_s;
  if (const std::int64_t code = switches[MeterFault::exception].load())
    frame = writer_.exception(request, static_cast<std::uint8_t>(code));
  else
    frame = right_reply(writer_, request, meter, figures_at(taken, meter, switches, rack_.state));
  spoil(frame, switches);
  queue(std::move(frame), latency_s, switches);
  return true;
}

double Connection::random_share() { return static_cast<double>(random_()) / (std::minstd_rand::max() + 1.0); }

double Connection::random_latency_s(const Meter& meter) {
  const Latency& latency = meter.latency;
  return 1e-3 * (latency.least_ms + random_share() * (latency.most_ms - latency.least_ms));
}

void Connection::queue(Frame frame, double latency_s, const MeterSwitches& switches) {
  using std::chrono::milliseconds;
  const auto latency = std::chrono::duration_cast<Clock::duration>(std::chrono::duration<double>(latency_s));
  auto due = Clock::now() + latency + milliseconds(switches[MeterFault::late].load());
  const milliseconds gap(switches[MeterFault::drip].load());
  if (gap.count() == 0) {
    outgoing_.emplace(due, std::move(frame));
    return;
  }
  due = std::max(due, drip_end_);
  for (const std::uint8_t byte : frame) {
    outgoing_.emplace(due, Frame{byte});
    due += gap;
  }
  drip_end_ = due;
}

bool Connection::send_due() {
  const auto now = Clock::now();
  while (!outgoing_.empty() && outgoing_.begin()->first <= now) {
    if (!send_all(socket_, outgoing_.begin()->second)) return false;
    outgoing_.erase(outgoing_.begin());
  }
  return true;
}

int Connection::milliseconds_to_next() const {
  if (outgoing_.empty()) return -1;
  const auto wait = std::chrono::ceil<std::chrono::milliseconds>(outgoing_.begin()->first - Clock::now());
  return static_cast<int>(std::max<std::int64_t>(0, wait.count()));
}

}  // namespace rack
