#include "exporters/mqtt/connection.h"

#include <mqtt/async_client.h>

#include <algorithm>
#include <cstdlib>
#include <utility>

#include "exporters/mqtt/reason_codes.h"
#include "runtime/foreign_callback.h"
#include "runtime/text/number_text.h"
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

constexpr unsigned threads_of_paho = 2;
constexpr std::chrono::milliseconds word_of_loss_limit{200};
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

::mqtt::message_ptr packet(Message message, const Terms& terms) {
  return ::mqtt::message::create(::mqtt::string_ref(std::move(message.topic)),
                                 ::mqtt::binary_ref(std::move(message.payload)), terms.qos_1 ? 1 : 0,
                                 message.retained && terms.retain,
                                 terms.mqtt_5 ? content_type() : ::mqtt::properties());
}

::mqtt::create_options client_options(const Terms& terms) {
  return ::mqtt::create_options(terms.mqtt_5 ? MQTTVERSION_5 : MQTTVERSION_3_1_1);
}

::mqtt::connect_options options_of(const ConnectRequest& request) {
  ::mqtt::connect_options options;
  if (request.terms.mqtt_5) {
    options.set_mqtt_version(MQTTVERSION_5);
    options.set_clean_start(true);
    options.set_properties({{::mqtt::property::SESSION_EXPIRY_INTERVAL, 0},
                            {::mqtt::property::MAXIMUM_PACKET_SIZE, largest_answer}});
  } else {
    options.set_mqtt_version(MQTTVERSION_3_1_1);
    options.set_clean_session(true);
  }
  options.set_keep_alive_interval(request.terms.keep_alive);
  options.set_connect_timeout(Connection::connect_limit);
  options.set_max_inflight(static_cast<int>(Connection::most_in_flight));
  options.set_automatic_reconnect(false);
  options.set_will_message(packet(request.will, request.terms));
  if (!request.username.empty()) options.set_user_name(request.username);
  if (!request.password.empty()) options.set_password(request.password);
  return options;
}

/// A refusal stands in Paho's return code, as a positive number: of MQTT 5 from 0x80 on, of 3.1.1 from 1 to
/// 5. Paho's own failures are negative.
Fault fault_of_connack(int code) {
  constexpr int version_3_1_1 = 1, user_3_1_1 = 4, not_authorized_3_1_1 = 5;
  if (code == user_3_1_1) code = static_cast<int>(ReasonCode::bad_user_name_or_password);
  if (code == not_authorized_3_1_1) code = static_cast<int>(ReasonCode::not_authorized);
  if (code == version_3_1_1) code = static_cast<int>(ReasonCode::unsupported_protocol_version);
  if (const Consequence refusal = consequence_of(code); refusal.refused)
    return {FaultClass::exception,
            "the broker refuses: " + text_of(code) +
                (refusal.advice.empty() ? "; its log knows why" : std::string(refusal.advice)),
            code};
  if (code > 0)
    return {FaultClass::exception,
            "the broker refuses: reason code " + std::to_string(code) + " of MQTT 3.1.1", code};
  return {FaultClass::connection, "no connection came about", no_connection};
}

}  // namespace

void prepare_library() {
  static const bool prepared = [] {
    unsetenv("http_proxy");
    static ::mqtt::async_client* const never_connected =
        new ::mqtt::async_client("tcp://127.0.0.1:1883", "flopwatt", client_options({}));
    return never_connected != nullptr;
  }();
  static_cast<void>(prepared);
}

/// What Paho calls, on its threads or on ours while a client ends. Reads the token, posts, and nothing else.
class Connection::Callbacks final : public ::mqtt::iaction_listener {
 public:
  Callbacks(asio::any_io_executor home, std::weak_ptr<Connection> target, bool mqtt_5)
      : home_(std::move(home)), target_(std::move(target)), mqtt_5_(mqtt_5) {}

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
    if (limits.contains(::mqtt::property::MAXIMUM_QOS))
      welcome.qos_1 = ::mqtt::get<std::uint8_t>(limits, ::mqtt::property::MAXIMUM_QOS) > 0;
    if (limits.contains(::mqtt::property::RETAIN_AVAILABLE))
      welcome.retain = ::mqtt::get<std::uint8_t>(limits, ::mqtt::property::RETAIN_AVAILABLE) != 0;
    if (limits.contains(::mqtt::property::SERVER_KEEP_ALIVE))
      welcome.keep_alive =
          std::chrono::seconds(::mqtt::get<std::uint16_t>(limits, ::mqtt::property::SERVER_KEEP_ALIVE));
    post_to(home_, target_, &Connection::on_welcome, welcome);
  }

  void on_failure(const ::mqtt::token& token) override {
    if (token.get_type() != ::mqtt::token::Type::CONNECT) {
      // Over 3.1.1 no message is refused: Paho's own failure stands in the reason code then, -1 as 255.
      const int reason = mqtt_5_ ? static_cast<int>(token.get_reason_code()) : not_answered;
      return post_to(home_, target_, &Connection::on_answer, to_slot(token.get_user_context()),
                     std::max(reason, not_answered));
    }
    post_to(home_, target_, &Connection::on_not_connected, fault_of_connack(token.get_return_code()));
  }

  void on_disconnect_packet(int reason, std::string server_reference) {
    post_to(home_, target_, &Connection::on_disconnect_packet, reason, std::move(server_reference));
  }
  void on_lost() { post_to(home_, target_, &Connection::on_lost); }

  /// In place of a reason code: the message got no answer.
  static constexpr int not_answered = 1;

 private:
  const asio::any_io_executor home_;
  const std::weak_ptr<Connection> target_;
  const bool mqtt_5_;
};

Connection::Connection() { prepare_library(); }
Connection::~Connection() = default;

void Connection::open_client(const asio::any_io_executor& home, const ConnectRequest& request) {
  callbacks_ = std::make_unique<Callbacks>(home, weak_from_this(), request.terms.mqtt_5);
  client_ = std::make_unique<::mqtt::async_client>(request.address, request.client_id,
                                                   client_options(request.terms));
  Callbacks* const callbacks = callbacks_.get();
  client_->set_connection_lost_handler([callbacks](const std::string&) { callbacks->on_lost(); });
  client_->set_disconnected_handler(
      [callbacks](const ::mqtt::properties& properties, ::mqtt::ReasonCode reason) {
        std::string server;
        if (properties.contains(::mqtt::property::SERVER_REFERENCE))
          server = ::mqtt::get<std::string>(properties, ::mqtt::property::SERVER_REFERENCE);
        callbacks->on_disconnect_packet(static_cast<int>(reason), std::move(server));
      });
  // Without it Paho would queue, without bound, messages that a broker sends unasked.
  client_->set_message_callback([](const ::mqtt::const_message_ptr&) {});
  client_->connect(options_of(request), nullptr, *callbacks_);
  paho_runs = true;
}

awaitable<Result<Done>> Connection::establish(ConnectRequest request) {
  broker_ = request.broker;
  terms_ = request.terms;
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

void Connection::way_ended() {
  if (connected_ || not_connected_) return;
  on_not_connected({FaultClass::connection, "the connection was closed before it was up", no_connection});
}

awaitable<Fault> Connection::until_lost(std::chrono::seconds answer_limit) {
  while (!lost_) {
    const SteadyTime now = std::chrono::steady_clock::now();
    if (loss_due_ && now >= *loss_due_) {
      on_lost();
      break;
    }
    SteadyTime limit = (in_flight_.empty() ? now : in_flight_.last_progress()) + answer_limit;
    if (loss_due_) limit = std::min(limit, *loss_due_);
    if (now >= limit) {
      close({FaultClass::timeout,
             broker_ + " acknowledged nothing for " + std::to_string(answer_limit.count()) +
                 " s: the connection is taken for dead; is the broker overloaded, or the way to it broken?",
             not_acknowledged});
      break;
    }
    co_await state_changed_.wait(limit);
  }
  co_return *lost_;
}

awaitable<bool> Connection::wait_for_room(PushExporter::Lane lane) {
  if (is_over() || in_flight_.has_room(lane)) co_return !is_over();
  // A live sender that stops waiting, by getting room or by being cancelled, gives way to replay: it may send
  // nothing, and then no answer would ever wake replay.
  const NotifyAtEnd give_way(answer_came_);
  const InFlight::Waiting waiting(in_flight_, lane);
  while (!is_over() && !in_flight_.has_room(lane)) co_await answer_came_.wait();
  co_return !is_over();
}

void Connection::send(Message message, MessageFacts facts,
                      const std::shared_ptr<Acknowledgements>& acknowledgements, PushExporter::Lane lane) {
  if (is_over()) {
    acknowledgements->reasons.emplace_back();
    return;
  }
  if (message.topic->size() + message.payload.size() + packet_overhead > max_packet_) {
    acknowledgements->reasons.emplace_back(static_cast<int>(ReasonCode::packet_too_large));
    return;
  }
  const std::size_t slot =
      in_flight_.add(acknowledgements, std::move(facts), lane, std::chrono::steady_clock::now());
  try {
    client_->publish(packet(std::move(message), terms_), to_context(slot), *callbacks_);
  } catch (const ::mqtt::exception&) {
    // Paho knows already that the connection is lost. What it has to say of that, a DISCONNECT say, is on its way.
    loss_due_ = std::chrono::steady_clock::now() + word_of_loss_limit;
    state_changed_.notify();
    answer_came_.notify();
  }
}

void Connection::send(Message message, const std::shared_ptr<Acknowledgements>& acknowledgements) {
  MessageFacts facts;
  facts.topic = facts.subject = message.topic;
  facts.bytes = message.payload.size();
  send(std::move(message), std::move(facts), acknowledgements, PushExporter::Lane::live);
}

awaitable<void> Connection::wait_until_answered(std::shared_ptr<Acknowledgements> acknowledgements,
                                                SteadyTime limit) {
  while (!lost_ && acknowledgements->unanswered > 0 && std::chrono::steady_clock::now() < limit)
    co_await answer_came_.wait(limit);
}

void Connection::close(const Fault& reason) {
  if (!lost_) lost_ = reason;
  client_.reset();
  if (std::vector<MessageFacts> lost = in_flight_.give_up(); !lost.empty()) lost_messages_ = std::move(lost);
  state_changed_.notify();
  answer_came_.notify();
}

void Connection::on_welcome(Welcome welcome) {
  if (lost_) return;
  in_flight_ = InFlight(std::min(most_in_flight, std::max<std::size_t>(1, welcome.receive_maximum)));
  max_packet_ = welcome.max_packet;
  if (terms_.mqtt_5) {
    terms_.qos_1 = welcome.qos_1;
    terms_.retain = welcome.retain;
  }
  if (welcome.keep_alive && welcome.keep_alive->count() > 0)
    terms_.keep_alive = std::min(terms_.keep_alive, *welcome.keep_alive);
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
  was_answered_ = true;
  const MessageFacts facts = in_flight_.facts(slot);
  in_flight_.answered(slot, reason, std::chrono::steady_clock::now());
  if (on_message_answered) on_message_answered(facts);
  answer_came_.notify();
}

void Connection::on_disconnect_packet(int reason, std::string server_reference) {
  disconnect_reason_ = reason;
  constexpr std::size_t longest = 200;
  server_reference_ = plain_utf8(server_reference.substr(0, longest));
}

void Connection::on_lost() {
  if (lost_) return;
  lost_by_peer_ = true;
  std::string why = disconnect_reason_ == 0 ? "" : ": " + text_of(disconnect_reason_);
  why += consequence_of(disconnect_reason_).advice;
  if (!server_reference_.empty()) why += " (it names " + server_reference_ + ")";
  close({FaultClass::connection, "the connection to " + broker_ + " was lost" + why, disconnect_reason_});
}

}  // namespace flopwatt::mqtt
