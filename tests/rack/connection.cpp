#include "connection.h"

#include <netinet/in.h>
#include <netinet/tcp.h>
#include <poll.h>
#include <sys/socket.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <limits>

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

MeterFigures figures_now(const Meter& meter, const MeterSwitches& switches, const RackState& state) {
  const std::int64_t frozen = switches[MeterFault::freeze].load();
  const std::int64_t reset = switches[MeterFault::counter_reset].load();
  const double t = frozen ? state.seconds_at(frozen) : state.now();
  return figures_of(meter, t, reset ? state.seconds_at(reset) : -std::numeric_limits<double>::infinity());
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
  if (const std::int64_t code = switches[MeterFault::exception].load())
    frame = writer_.exception(request, static_cast<std::uint8_t>(code));
  else
    frame = right_reply(writer_, request, meter, figures_now(meter, switches, rack_.state));
  spoil(frame, switches);
  queue(std::move(frame), meter, switches);
  return true;
}

void Connection::queue(Frame frame, const Meter& meter, const MeterSwitches& switches) {
  using std::chrono::milliseconds;
  const auto now = Clock::now();
  auto due = now + milliseconds(meter.latency_ms + switches[MeterFault::late].load());
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
