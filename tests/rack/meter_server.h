// The Modbus TCP servers of all simulated meters: listeners, and the connections they accepted.
#pragma once

#include <list>
#include <memory>
#include <thread>
#include <vector>

#include "connection.h"

namespace rack {

class MeterServer {
 public:
  // Meters without a port of their own get `base_port` and up, or free ports where it is 0.
  MeterServer(Rack rack, std::uint16_t base_port);
  ~MeterServer();
  MeterServer(const MeterServer&) = delete;
  MeterServer& operator=(const MeterServer&) = delete;

  const Endpoint& endpoint_of(std::size_t meter) const { return *by_meter_[meter]; }

 private:
  Endpoint& endpoint_for(const Meter& meter);
  void accept_loop(const std::stop_token& stop);
  void accept_from(Endpoint& endpoint);
  void apply_refusals();
  bool refuses(const Endpoint& endpoint) const;

  Rack rack_;
  ReplyWriter writer_;
  std::list<Endpoint> endpoints_;  // a list: connections refer to them
  std::vector<Endpoint*> by_meter_;
  std::list<std::unique_ptr<Connection>> connections_;
  std::jthread thread_;
};

}  // namespace rack
