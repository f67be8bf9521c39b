// One MQTT 5 connection, from CONNECT to its loss. Paho sends and receives on threads of its own and posts
// what happened to the loop, where everything here runs. Nothing waits for Paho: see connection.cpp.
#pragma once

#include <chrono>
#include <cstdint>
#include <memory>
#include <optional>
#include <string>

#include "exporters/mqtt/in_flight.h"
#include "exporters/mqtt/messages.h"
#include "readings/result.h"
#include "runtime/async.h"
#include "runtime/condition.h"
#include "runtime/schedule.h"

namespace mqtt {
class async_client;
}

namespace flopwatt::mqtt {

struct ConnectRequest {
  std::string broker;   ///< as people know it: "mqtt://broker.example:1883"
  std::string address;  ///< with a numeric host, as Paho takes it: "tcp://192.0.2.1:1883"
  std::string client_id;
  std::string username;  ///< "" for a connection without username and password
  std::string password;
  Message will;
};

/// Takes `http_proxy` out of the environment and makes Paho ready for any number of connections. Once is
/// enough; before other threads look at the environment.
void prepare_library();

class Connection : public std::enable_shared_from_this<Connection> {
 public:
  static constexpr std::size_t most_in_flight = 64;  ///< and never more than the broker's receive maximum
  static constexpr std::chrono::seconds connect_limit{10};
  static constexpr std::chrono::seconds keep_alive{15};
  /// Messages in flight and no answer for so long: the connection is dead, whatever TCP thinks.
  static constexpr std::chrono::seconds answer_limit{10};

  Connection();
  ~Connection();
  Connection(const Connection&) = delete;
  Connection& operator=(const Connection&) = delete;

  /// Connects, once. A Fault of FaultClass::exception: the broker refused; `code` is its reason code.
  awaitable<Result<Done>> establish(ConnectRequest request);

  [[nodiscard]] bool alive() const { return client_ && !lost_; }
  /// The largest packet that the broker takes, in bytes.
  [[nodiscard]] std::size_t max_packet() const { return max_packet_; }

  /// Returns when the connection is lost, or dead by answer_limit, with the reason.
  awaitable<Fault> until_lost();

  /// True when a message may be sent; false when the connection is lost.
  awaitable<bool> wait_for_room(PushExporter::Lane lane);

  /// Sends with QoS 1 as part of `acknowledgements`. To be called right after wait_for_room(), without a
  /// suspension between the two calls.
  void send(Message message, const std::shared_ptr<Acknowledgements>& acknowledgements,
            PushExporter::Lane lane);

  /// Returns when all messages of `acknowledgements` are answered, the connection is lost, or at `limit`.
  awaitable<void> wait_until_answered(std::shared_ptr<Acknowledgements> acknowledgements,
                                      SteadyTime limit = SteadyTime::max());

  /// Ends it with a DISCONNECT where it still lives. All in flight fails with `reason`.
  void close(const Fault& reason);

 private:
  class Callbacks;
  struct Welcome {
    std::size_t receive_maximum = 65535,
                max_packet = 268'435'460;  // what MQTT 5 says where a broker does not
  };

  void open_client(const asio::any_io_executor& home, const ConnectRequest& request);
  // Paho's threads post these calls to the loop.
  void on_welcome(Welcome welcome);
  void on_not_connected(Fault fault);
  void on_answer(std::size_t slot, int reason);
  void on_disconnect_packet(int reason);
  void on_lost();

  std::string broker_;
  std::optional<Fault> not_connected_;
  bool connected_ = false;
  std::optional<Fault> lost_;
  int disconnect_reason_ = 0;
  std::size_t max_packet_ = 0;
  InFlight in_flight_{0};
  Condition state_changed_;  // the connection is made, refused or lost
  Condition answer_came_;    // a message is answered, or the connection is lost
  // Callbacks outlive the client: ending it completes what is in flight.
  std::unique_ptr<Callbacks> callbacks_;
  std::unique_ptr<::mqtt::async_client> client_;
};

}  // namespace flopwatt::mqtt
