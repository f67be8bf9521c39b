// One connection, of MQTT 5 or 3.1.1, from CONNECT to its loss. Paho sends and receives on threads of its own
// and posts what happened to the loop, where everything here runs. Nothing waits for Paho: see
// connection.cpp.
#pragma once

#include <chrono>
#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <vector>

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

/// What a connection is made with, and, once it is up, what the broker grants.
struct Terms {
  bool mqtt_5 = true;  ///< else 3.1.1, which tells no limits and refuses no message
  bool qos_1 = true;   ///< else QoS 0: a message is answered when it is written
  bool retain = true;
  std::chrono::seconds keep_alive{15};

  bool operator==(const Terms&) const = default;
};

/// Code of the fault of establish() where Paho cannot say why there is no connection: look.h can.
inline constexpr int no_connection = -1;
/// Code of the fault of until_lost() where the broker acknowledged nothing in time.
inline constexpr int not_acknowledged = -4;

struct ConnectRequest {
  std::string broker;   ///< as people know it: "mqtt://broker.example:1883"
  std::string address;  ///< with a numeric host, as Paho takes it: "tcp://192.0.2.1:1883"
  std::string client_id;
  std::string username;  ///< "" for a connection without username and password
  std::string password;
  Message will;
  Terms terms{};
};

/// Takes `http_proxy` out of the environment and makes Paho ready for any number of connections. Once is
/// enough; before other threads look at the environment.
void prepare_library();

class Connection : public std::enable_shared_from_this<Connection> {
 public:
  static constexpr std::size_t most_in_flight = 64;  ///< and never more than the broker's receive maximum
  static constexpr std::chrono::seconds connect_limit{10};

  Connection();
  ~Connection();
  Connection(const Connection&) = delete;
  Connection& operator=(const Connection&) = delete;

  /// Connects, once. A Fault of FaultClass::exception: the broker refused; `code` is its reason code of MQTT
  /// 5.
  awaitable<Result<Done>> establish(ConnectRequest request);

  [[nodiscard]] bool alive() const { return client_ && !lost_; }
  /// The largest packet that the broker takes, in bytes.
  [[nodiscard]] std::size_t max_packet() const { return max_packet_; }
  /// What the broker grants. Its keep alive may be shorter than what was asked for; Paho 1.3.12 goes on with
  /// what was asked for, so that only a new connection can obey it.
  [[nodiscard]] const Terms& terms() const { return terms_; }

  /// One message in flight at a time, until all_together().
  void one_at_a_time() { in_flight_.set_limit(1); }
  void all_together() { in_flight_.set_limit(most_in_flight); }

  /// Each answer to a message, as it comes.
  std::function<void(const MessageFacts&)> on_message_answered;

  /// After the loss: what was in flight, whether the other end closed the connection, and the reason code of
  /// its DISCONNECT (0: none came).
  [[nodiscard]] const std::vector<MessageFacts>& lost_messages() const { return lost_messages_; }
  [[nodiscard]] bool lost_by_peer() const { return lost_by_peer_; }
  [[nodiscard]] int disconnect_reason() const { return disconnect_reason_; }
  /// Whether the broker has answered any message.
  [[nodiscard]] bool was_answered() const { return was_answered_; }

  /// The way to the broker has ended. Paho notices that at once while it is connected, and not before.
  void way_ended();

  /// Returns when the connection is lost, with the reason. With messages in flight and no answer for `answer_limit` it is
  /// dead, whatever TCP thinks.
  awaitable<Fault> until_lost(std::chrono::seconds answer_limit);

  /// True when a message may be sent; false when the connection is lost.
  awaitable<bool> wait_for_room(PushExporter::Lane lane);

  /// Sends as part of `acknowledgements`. To be called right after wait_for_room(), without a suspension
  /// between the two calls. A message that is larger than the broker takes is not sent; its answer is 0x95.
  /// One to a connection that is lost is not sent and gets no answer: a broker may end it right behind its CONNACK.
  void send(Message message, MessageFacts facts, const std::shared_ptr<Acknowledgements>& acknowledgements,
            PushExporter::Lane lane);
  /// A message without reading sets.
  void send(Message message, const std::shared_ptr<Acknowledgements>& acknowledgements);

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
    bool qos_1 = true, retain = true;
    std::optional<std::chrono::seconds> keep_alive;
  };

  [[nodiscard]] bool is_over() const { return lost_ || loss_due_; }
  void open_client(const asio::any_io_executor& home, const ConnectRequest& request);
  // Paho's threads post these calls to the loop.
  void on_welcome(Welcome welcome);
  void on_not_connected(Fault fault);
  void on_answer(std::size_t slot, int reason);
  void on_disconnect_packet(int reason, std::string server_reference);
  void on_lost();

  std::string broker_;
  std::optional<Fault> not_connected_;
  bool connected_ = false;
  std::optional<Fault> lost_;
  std::optional<SteadyTime> loss_due_;  // the connection is lost, and Paho has not told yet
  int disconnect_reason_ = 0;
  std::string server_reference_;  // that it names, in plain text
  std::size_t max_packet_ = 0;
  Terms terms_;
  std::vector<MessageFacts> lost_messages_;
  bool lost_by_peer_ = false, was_answered_ = false;
  InFlight in_flight_{0};
  Condition state_changed_;  // the connection is made, refused or lost
  Condition answer_came_;    // a message is answered, or the connection is lost
  // Callbacks outlive the client: ending it completes what is in flight.
  std::unique_ptr<Callbacks> callbacks_;
  std::unique_ptr<::mqtt::async_client> client_;
};

}  // namespace flopwatt::mqtt
