#include "exporters/mqtt/connection.h"

#include <mqtt/async_client.h>

#include <algorithm>
#include <cstdlib>
#include <utility>

#include "exporters/mqtt/reason_codes.h"
#include "runtime/foreign_callback.h"
#include "runtime/threads.h"

// How Paho's calls are kept from blocking the loop (paho-mqtt C 1.3.12, Debian 12):
// - Every call takes one lock, shared by all clients of the process. Paho's threads hold it for microseconds,
//   but for one case: while they look up a host name. So they get numeric addresses only.
// - Destroying the last client waits up to a second for those threads to end. So one more client, never
//   connected, stays for the life of the process.
// - A client that lost its connection keeps what it had queued and sends it later, out of order. So every
//   connection has a client of its own, and the log is the only queue.
// - The first call of connect() starts two threads, for the life of the process. Where that fails Paho
//   neither says so nor tries again. So they are known to start before it is called.
// - `$http_proxy` would silently lead plain MQTT through that proxy.
namespace flopwatt::mqtt {
namespace {

constexpr int mqtt_version = 5;
constexpr int qos = 1;
constexpr unsigned threads_of_paho = 2;
bool paho_runs = false;  // its threads were started; metering loop
/// Nothing is subscribed, so that all a broker may send are acknowledgements.
constexpr std::uint32_t largest_answer = 8192;

/// The slot travels through Paho as its "user context": a number, no address.
void* to_context(std::size_t slot) {
  return reinterpret_cast<void*>(slot + 1);  // NOLINT(performance-no-int-to-ptr)
}
std::size_t to_slot(void* context) { return reinterpret_cast<std::size_t>(context) - 1; }

const ::mqtt::properties& content_type() {
  static const ::mqtt::properties json{{::mqtt::property::CONTENT_TYPE, "application/json"}};
  return json;
}

::mqtt::message_ptr packet(Message message) {
  return ::mqtt::message::create(::mqtt::string_ref(std::move(message.topic)),
                                 ::mqtt::binary_ref(std::move(message.payload)), qos, message.retained,
                                 content_type());
}

::mqtt::connect_options options_of(const ConnectRequest& request) {
  ::mqtt::connect_options options;
  options.set_mqtt_version(mqtt_version);
  options.set_clean_start(true);
  options.set_properties({{::mqtt::property::SESSION_EXPIRY_INTERVAL, 0},
                          {::mqtt::property::MAXIMUM_PACKET_SIZE, largest_answer}});
  options.set_keep_alive_interval(Connection::keep_alive);
  options.set_connect_timeout(Connection::connect_limit);
  options.set_max_inflight(static_cast<int>(Connection::most_in_flight));
  options.set_automatic_reconnect(false);
  options.set_will_message(packet(request.will));
  if (!request.username.empty()) options.set_user_name(request.username);
  if (!request.password.empty()) options.set_password(request.password);
  return options;
}

}  // namespace

void prepare_library() {
  static const bool prepared = [] {
    unsetenv("http_proxy");
    static ::mqtt::async_client* const never_connected =
        new ::mqtt::async_client("tcp://127.0.0.1:1883", "flopwatt", ::mqtt::create_options(mqtt_version));
    return never_connected != nullptr;
  }();
  static_cast<void>(prepared);
}

/// What Paho calls, on its threads or on ours while a client ends. Reads the token, posts, and nothing else.
class Connection::Callbacks final : public ::mqtt::iaction_listener {
 public:
  Callbacks(asio::any_io_executor home, std::weak_ptr<Connection> target)
      : home_(std::move(home)), target_(std::move(target)) {}

  void on_success(const ::mqtt::token& token) override {
    if (token.get_type() != ::mqtt::token::Type::CONNECT)
      return post_to(home_, target_, &Connection::on_answer, to_slot(token.get_user_context()), 0);
    Welcome welcome;
    const ::mqtt::connect_response response = token.get_connect_response();
    const ::mqtt::properties& limits = response.get_properties();
    if (limits.contains(::mqtt::property::RECEIVE_MAXIMUM))
      welcome.receive_maximum = ::mqtt::get<std::uint16_t>(limits, ::mqtt::property::RECEIVE_MAXIMUM);
    if (limits.contains(::mqtt::property::MAXIMUM_PACKET_SIZE))
      welcome.max_packet = ::mqtt::get<std::uint32_t>(limits, ::mqtt::property::MAXIMUM_PACKET_SIZE);
    post_to(home_, target_, &Connection::on_welcome, welcome);
  }

  void on_failure(const ::mqtt::token& token) override {
    if (token.get_type() != ::mqtt::token::Type::CONNECT)
      return post_to(home_, target_, &Connection::on_answer, to_slot(token.get_user_context()),
                     std::max(static_cast<int>(token.get_reason_code()), not_answered));
    // A refusal stands in the return code, as a positive number; Paho's own failures are negative.
    const int code = token.get_return_code();
    if (const Consequence refusal = consequence_of(code); refusal.refused)
      return post_to(home_, target_, &Connection::on_not_connected,
                     Fault{FaultClass::exception,
                           "the broker refuses: " + text_of(code) + std::string(refusal.advice), code});
    post_to(home_, target_, &Connection::on_not_connected,
            Fault{FaultClass::connection,
                  "nobody accepts the connection, or it was closed without an answer; is this an MQTT "
                  "broker, and is it running?",
                  0});
  }

  void on_disconnect_packet(int reason) {
    post_to(home_, target_, &Connection::on_disconnect_packet, reason);
  }
  void on_lost() { post_to(home_, target_, &Connection::on_lost); }

  /// In place of a reason code: the message got no answer.
  static constexpr int not_answered = 1;

 private:
  const asio::any_io_executor home_;
  const std::weak_ptr<Connection> target_;
};

Connection::Connection() { prepare_library(); }
Connection::~Connection() = default;

void Connection::open_client(const asio::any_io_executor& home, const ConnectRequest& request) {
  callbacks_ = std::make_unique<Callbacks>(home, weak_from_this());
  client_ = std::make_unique<::mqtt::async_client>(request.address, request.client_id,
                                                   ::mqtt::create_options(mqtt_version));
  Callbacks* const callbacks = callbacks_.get();
  client_->set_connection_lost_handler([callbacks](const std::string&) { callbacks->on_lost(); });
  client_->set_disconnected_handler([callbacks](const ::mqtt::properties&, ::mqtt::ReasonCode reason) {
    callbacks->on_disconnect_packet(static_cast<int>(reason));
  });
  // Without it Paho would queue, without bound, messages that a broker sends unasked.
  client_->set_message_callback([](const ::mqtt::const_message_ptr&) {});
  client_->connect(options_of(request), nullptr, *callbacks_);
  paho_runs = true;
}

awaitable<Result<Done>> Connection::establish(ConnectRequest request) {
  broker_ = request.broker;
  const auto home = co_await asio::this_coro::executor;
  try {
    if (paho_runs || can_start_threads(threads_of_paho))
      open_client(home, request);
    else
      not_connected_ = Fault{FaultClass::connection, no_thread_text("Paho"), 0};
  } catch (const ::mqtt::exception& failed) {
    not_connected_ = Fault{FaultClass::connection, std::string("Paho: ") + failed.what(), 0};
  }
  const SteadyTime limit = std::chrono::steady_clock::now() + connect_limit;
  while (!connected_ && !not_connected_ && std::chrono::steady_clock::now() < limit)
    co_await state_changed_.wait(limit);
  if (connected_) co_return Done{};
  if (!not_connected_)
    not_connected_ =
        Fault{FaultClass::timeout, "no answer within " + std::to_string(connect_limit.count()) + " s", 0};
  Fault fault = *not_connected_;
  fault.message = "connecting to " + broker_ + " as " + request.client_id + ": " + fault.message;
  close(fault);
  co_return fault;
}

awaitable<Fault> Connection::until_lost() {
  while (!lost_) {
    const SteadyTime now = std::chrono::steady_clock::now();
    const SteadyTime limit = (in_flight_.empty() ? now : in_flight_.last_progress()) + answer_limit;
    if (now >= limit) {
      close({FaultClass::timeout,
             broker_ + " acknowledged nothing for " + std::to_string(answer_limit.count()) +
                 " s: the connection is taken for dead",
             0});
      break;
    }
    co_await state_changed_.wait(limit);
  }
  co_return *lost_;
}

awaitable<bool> Connection::wait_for_room(PushExporter::Lane lane) {
  if (lost_ || in_flight_.has_room(lane)) co_return !lost_;
  // A live sender that stops waiting, by getting room or by being cancelled, gives way to replay: it may send
  // nothing, and then no answer would ever wake replay.
  const NotifyAtEnd give_way(answer_came_);
  const InFlight::Waiting waiting(in_flight_, lane);
  while (!lost_ && !in_flight_.has_room(lane)) co_await answer_came_.wait();
  co_return !lost_;
}

void Connection::send(Message message, const std::shared_ptr<Acknowledgements>& acknowledgements,
                      PushExporter::Lane lane) {
  const std::size_t bytes = message.topic->size() + message.payload.size() + packet_overhead;
  if (bytes > max_packet_) {
    acknowledgements->fault =
        Fault{FaultClass::protocol,
              "a message of " + std::to_string(bytes) + " bytes to " + *message.topic + " is larger than " +
                  broker_ + " takes (" + std::to_string(max_packet_) + ")",
              static_cast<int>(ReasonCode::packet_too_large)};
    return;
  }
  const std::size_t slot =
      in_flight_.add(acknowledgements, message.topic, lane, std::chrono::steady_clock::now());
  try {
    client_->publish(packet(std::move(message)), to_context(slot), *callbacks_);
  } catch (const ::mqtt::exception& failed) {
    close({FaultClass::connection, "sending to " + broker_ + ": " + failed.what(), 0});
  }
}

awaitable<void> Connection::wait_until_answered(std::shared_ptr<Acknowledgements> acknowledgements,
                                                SteadyTime limit) {
  while (!lost_ && acknowledgements->unanswered > 0 && std::chrono::steady_clock::now() < limit)
    co_await answer_came_.wait(limit);
}

void Connection::close(const Fault& reason) {
  if (!lost_) lost_ = reason;
  client_.reset();
  in_flight_.fail_all(*lost_);
  state_changed_.notify();
  answer_came_.notify();
}

void Connection::on_welcome(Welcome welcome) {
  if (lost_) return;
  in_flight_ = InFlight(std::min(most_in_flight, std::max<std::size_t>(1, welcome.receive_maximum)));
  max_packet_ = welcome.max_packet;
  connected_ = true;
  state_changed_.notify();
}

void Connection::on_not_connected(Fault fault) {
  not_connected_ = std::move(fault);
  state_changed_.notify();
}

void Connection::on_answer(std::size_t slot, int reason) {
  if (lost_) return;
  if (reason == Callbacks::not_answered) return on_lost();
  std::optional<Fault> refused;
  if (consequence_of(reason).refused)
    refused =
        Fault{FaultClass::exception,
              broker_ + " refuses a message to " + in_flight_.topic(slot) + ": " + text_of(reason), reason};
  in_flight_.answered(slot, refused, std::chrono::steady_clock::now());
  answer_came_.notify();
}

void Connection::on_disconnect_packet(int reason) { disconnect_reason_ = reason; }

void Connection::on_lost() {
  if (lost_) return;
  const std::string why = disconnect_reason_ == 0 ? "" : ": " + text_of(disconnect_reason_);
  close({FaultClass::connection, "the connection to " + broker_ + " was lost" + why, disconnect_reason_});
}

}  // namespace flopwatt::mqtt
