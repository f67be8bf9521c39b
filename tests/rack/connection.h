// One client's TCP connection to a simulated meter or gateway, served by a thread of its own.
#pragma once

#include <atomic>
#include <chrono>
#include <map>
#include <random>
#include <thread>

#include "replies.h"

namespace rack {

struct Endpoint {
  std::string gateway;
  std::uint16_t port = 0;
  int listener = -1;
  std::map<std::uint8_t, std::size_t> units;  // unit id to meter
};

struct Rack {
  const Load& load;
  RackState& state;
};

class Connection {
 public:
  // Takes over the socket.
  Connection(Rack rack, const Endpoint& endpoint, ReplyWriter& writer, int socket);
  ~Connection();
  Connection(const Connection&) = delete;
  Connection& operator=(const Connection&) = delete;

  bool finished() const { return finished_.load(); }
  const Endpoint& endpoint() const { return endpoint_; }

 private:
  using Clock = std::chrono::steady_clock;

  void serve();
  // All three: false when the connection is to end.
  bool receive();
  bool answer(const Frame& request);
  bool send_due();
  void queue(Frame frame, double latency_s, const MeterSwitches& switches);
  double random_share();
  double random_latency_s(const Meter& meter);
  int milliseconds_to_next() const;

  Rack rack_;
  const Endpoint& endpoint_;
  ReplyWriter& writer_;
  int socket_;
  ModbusContext context_;
  // Late answers wait here, by the time they go out; requests that come meanwhile are served as usual.
  std::multimap<Clock::time_point, Frame> outgoing_;
  Clock::time_point drip_end_{};
  std::minstd_rand random_;  // the same for each connection, so that a run can be repeated
  std::atomic<bool> finished_ = false;
  std::thread thread_;
};

}  // namespace rack
