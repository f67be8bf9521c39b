#include "exporters/mqtt/exporter.h"

#include <algorithm>
#include <boost/asio/cancellation_state.hpp>
#include <exception>
#include <optional>
#include <utility>

#include "exporters/mqtt/broker_habits.h"
#include "exporters/mqtt/connection.h"
#include "exporters/mqtt/documents.h"
#include "exporters/mqtt/guard/guard.h"
#include "exporters/mqtt/look.h"
#include "exporters/mqtt/messages.h"
#include "exporters/mqtt/negotiation.h"
#include "exporters/mqtt/password.h"
#include "exporters/mqtt/publication.h"
#include "exporters/mqtt/reason_codes.h"
#include "exporters/mqtt/reconnect.h"
#include "exporters/mqtt/selection.h"
#include "exporters/mqtt/source_status.h"
#include "runtime/async.h"
#include "runtime/backoff.h"
#include "runtime/clock.h"
#include "runtime/condition.h"
#include "runtime/log.h"
#include "runtime/tls/tls_setup.h"

namespace flopwatt::mqtt {
namespace {

using SteadyClock = std::chrono::steady_clock;

/// How long `offline` may wait for its acknowledgement; the will says the same to those who miss it.
constexpr std::chrono::milliseconds offline_limit{900};
constexpr std::chrono::minutes look_interval{1};
/// Code of a fault: the connection was ended to be made again with other certificate files.
constexpr int new_certificates = -3;

class Exporter final : public PushExporter {
 public:
  Exporter(std::string name, const Settings& settings, const std::string& node, std::string_view version)
      : name_(std::move(name)),
        settings_(settings),
        version_(version),
        client_id_("flopwatt-" + node + '-' + name_),
        base_(topic_base(settings.prefix, node)),
        broker_((settings.tls ? "mqtts://" : "mqtt://") + place(settings).text()),
        state_topic_(std::make_shared<const std::string>(base_ + "state")),
        routes_(base_),
        habits_(name_),
        selection_(settings.publish, settings.every),
        source_status_(base_),
        negotiation_(settings.protocol) {
    if (settings_.password_file) password_file_.emplace(*settings_.password_file);
    if (settings_.tls) tls_.emplace(watch_tls("TLS of " + broker_, client_tls(*settings_.tls)));
  }

  [[nodiscard]] const std::string& name() const override { return name_; }
  [[nodiscard]] bool up() const override { return connection_ && connection_->alive(); }
  [[nodiscard]] std::uint64_t connection() const override { return connections_; }

  awaitable<void> run() override;
  awaitable<void> wait_until_up() override;
  awaitable<void> publish(const std::vector<StoredSet>& sets, Lane lane, std::vector<Fate>& fates) override;
  [[nodiscard]] Time replay_from(SourceKind kind, const std::string& source) const override;
  [[nodiscard]] std::vector<Refusals> refusals() const override { return habits_.refusals(); }
  [[nodiscard]] std::vector<std::string> remarks() const override;
  void set_status(const std::vector<SourceStatus>& sources) override;
  [[nodiscard]] std::vector<CertificateExpiry> certificates() const override;

 private:
  awaitable<void> stay_connected();
  awaitable<Result<Done>> connect();
  awaitable<Result<Done>> try_once(ConnectRequest request);
  awaitable<Fault> explain(Fault fault, Terms asked);
  awaitable<Answerer> who_answered(const GuardedLink& link);
  awaitable<Fault> serve();
  awaitable<void> watch(Fault& why_lost);
  awaitable<void> publish_state_and_status();
  awaitable<void> watch_certificates(Fault& why_lost);
  awaitable<void> go_offline();

  [[nodiscard]] static BrokerPlace place(const Settings& settings);
  void report_connected();
  [[nodiscard]] Message state(bool online) const;
  void report_not_connected(const Fault& fault);
  void report_lost(const Fault& fault);
  void follow_answers(Connection& connection);
  void judge(const Topic& topic, std::optional<int> reason);
  void learn_from_loss(const Connection& connection);
  [[nodiscard]] SteadyTime retry_at(const Fault& fault);

  const std::string name_;
  const Settings settings_;
  const std::string version_, client_id_, base_, broker_;
  const Topic state_topic_;
  Routes routes_;
  BrokerHabits habits_;
  Selection selection_;
  SourceStatusMessages source_status_;
  std::optional<PasswordFile> password_file_;
  std::optional<WatchedFiles<TlsSetup>> tls_;  // mqtts://
  Guard guard_;
  std::shared_ptr<GuardedLink> link_;  // of the newest attempt
  Negotiation negotiation_;
  std::optional<Answerer> looked_at_;
  SteadyTime looked_at_time_{};
  Reconnect reconnect_;
  std::int64_t connected_since_wall_us_ = 0;
  std::shared_ptr<Connection> connection_;  // null while there is none
  std::uint64_t connections_ = 0;
  Condition up_, status_changed_;
  // What was logged last: each change is logged once
  std::string logged_failure_;
  bool logged_suspicion_ = false;
};

BrokerPlace Exporter::place(const Settings& settings) {
  const bool is_bracketed = settings.host.starts_with('[') && settings.host.ends_with(']');
  return {is_bracketed ? settings.host.substr(1, settings.host.size() - 2) : settings.host, settings.port,
          nullptr};
}

Message Exporter::state(bool online) const {
  return {.topic = state_topic_,
          .payload = state_document(online, connected_since_wall_us_, version_),
          .retained = true};
}

awaitable<void> Exporter::run() {
  std::exception_ptr ended;
  try {
    co_await stay_connected();
  } catch (...) {
    ended = std::current_exception();
  }
  co_await asio::this_coro::reset_cancellation_state(asio::disable_cancellation());
  co_await go_offline();
  if (ended) std::rethrow_exception(ended);
}

awaitable<void> Exporter::stay_connected() {
  for (;;) {
    const Result<Done> connected = co_await connect();
    const SteadyTime since = SteadyClock::now();
    Fault fault;
    if (connected) {
      report_connected();
      fault = co_await serve();
      habits_.connection_held(SteadyClock::now() - since);
      reconnect_.connection_ended(SteadyClock::now() - since);
      learn_from_loss(*std::exchange(connection_, nullptr));
      report_lost(fault);
    } else {
      connection_.reset();
      fault = connected.error();
      report_not_connected(fault);
    }
    co_await sleep_until(retry_at(fault));
  }
}

awaitable<Result<Done>> Exporter::connect() {
  ConnectRequest request{.broker = broker_,
                         .address = {},
                         .client_id = client_id_,
                         .username = settings_.username,
                         .password = {},
                         .will = {}};
  if (password_file_) {  // at each attempt: it may have been rotated
    Result<std::string> password = co_await password_file_->read();
    if (!password) co_return password.error();
    request.password = std::move(*password);
  }
  if (tls_) {
    Result<Done> files = co_await tls_->refresh();
    if (!files) co_return files.error();
  }
  // Each time the broker's first answer says what it does not have.
  constexpr int most_adaptations = 4;
  Result<Done> done = Done{};
  for (int adaptations = 0; adaptations <= most_adaptations; ++adaptations) {
    request.terms = negotiation_.terms(SteadyClock::now());
    connected_since_wall_us_ = now().wall_us;
    request.will = state(false);
    done = co_await try_once(request);
    if (done || !negotiation_.refused(done.error(), request.terms, SteadyClock::now())) break;
  }
  if (!done && done.error().code == no_connection) co_return co_await explain(done.error(), request.terms);
  co_return done;
}

awaitable<Result<Done>> Exporter::try_once(ConnectRequest request) {
  BrokerPlace broker = place(settings_);
  if (tls_) broker.tls = tls_->product()->context;
  link_.reset();
  auto link = co_await guard_.open(std::move(broker));
  if (!link) {
    Fault fault = link.error();
    fault.message = "connecting to " + broker_ + ": " + fault.message;
    co_return fault;
  }
  link_ = *link;
  request.address = "tcp://127.0.0.1:" + std::to_string(link_->port());
  const auto connection = std::make_shared<Connection>();
  // Where the broker has said something, Paho tells what.
  link_->on_ended = [connecting = std::weak_ptr(connection), way = std::weak_ptr(link_)] {
    const auto one = connecting.lock();
    const auto link_of_it = way.lock();
    if (one && link_of_it && link_of_it->end()->first_bytes.empty()) one->way_ended();
  };
  const Result<Done> done = co_await connection->establish(request);
  if (!done) co_return done;
  if (const auto left = negotiation_.connected(request.terms, connection->terms(), SteadyClock::now())) {
    connection->close(*left);
    co_return *left;
  }
  connection_ = connection;
  ++connections_;
  co_return done;
}

/// Why there is no connection, though a broker's address took one.
awaitable<Fault> Exporter::explain(Fault fault, Terms asked) {
  const std::string what = "connecting to " + broker_ + " as " + client_id_ + ": ";
  if (tls_ && link_->end() && link_->end()->first_bytes.empty()) {
    fault.message = what + "TLS with " + place_of(link_->broker()) + ": " + link_->end()->why;
    negotiation_.no_answer(asked, false, SteadyClock::now());
    co_return fault;
  }
  const Answerer answerer = co_await who_answered(*link_);
  negotiation_.no_answer(asked, answerer == Answerer::closes, SteadyClock::now());
  fault.message = what + text_of(answerer, place_of(link_->broker()));
  if (answerer == Answerer::broker && link_->end() && !link_->end()->why.empty())
    fault.message += ": " + link_->end()->why;
  co_return fault;
}

/// The first bytes tell; where there are none, a second look does, once a minute at most. What is behind TLS is
/// at least no plain port.
awaitable<Answerer> Exporter::who_answered(const GuardedLink& link) {
  const std::string first_bytes = link.end() ? link.end()->first_bytes : "";
  if (!first_bytes.empty()) co_return answerer_of(first_bytes);
  if (tls_) co_return link.end() ? Answerer::closes : Answerer::silent;
  const SteadyTime now = SteadyClock::now();
  if (!looked_at_ || now - looked_at_time_ >= look_interval) {
    looked_at_ = co_await look_at(link.broker().address(), settings_.port);
    looked_at_time_ = now;
  }
  co_return *looked_at_;
}

/// Until the connection is lost: publishes `online`, then what changes.
awaitable<Fault> Exporter::serve() {
  const auto connection = connection_;
  // `online` goes out before anything else can: up() turns true without a suspension between.
  habits_.gates.connected(SteadyClock::now());
  follow_answers(*connection);
  connection->send(state(true), std::make_shared<Acknowledgements>());
  source_status_.forget_published();
  up_.notify();
  Fault why_lost;
  std::vector<awaitable<void>> tasks;
  tasks.push_back(watch(why_lost));
  tasks.push_back(publish_state_and_status());
  if (tls_) tasks.push_back(watch_certificates(why_lost));
  co_await run_until_first_ends(std::move(tasks));
  if (link_->end() && !link_->end()->why.empty()) why_lost.message += ": " + link_->end()->why;
  co_return why_lost;
}

/// Certificates that were renewed are of use to a new connection only, and the broker may end the old one when the
/// old certificate ends.
awaitable<void> Exporter::watch_certificates(Fault& why_lost) {
  const auto used = tls_->product();
  while (tls_->product() == used) {
    co_await sleep_until(SteadyClock::now() + watch_period);
    (void)co_await tls_->refresh();
  }
  why_lost = {FaultClass::connection, "its certificate files have changed", new_certificates};
  const auto connection = connection_;
  connection->close(why_lost);
}

/// Where the broker has closed connections at some message, one message goes out at a time until that is
/// found.
void Exporter::follow_answers(Connection& connection) {
  connection.on_message_answered = [this, &connection](const MessageFacts& facts) {
    if (!habits_.suspects.one_at_a_time()) return habits_.suspects.answered(facts, SteadyClock::now());
    habits_.suspects.answered(facts, SteadyClock::now());
    if (!habits_.suspects.one_at_a_time()) connection.all_together();
  };
  if (habits_.suspects.one_at_a_time()) connection.one_at_a_time();
}

void Exporter::learn_from_loss(const Connection& connection) {
  if (connection.lost_by_peer() &&
      habits_.connection_lost(connection.lost_messages(), connection.disconnect_reason(), SteadyClock::now()))
    reconnect_.cause_found();
}

awaitable<void> Exporter::watch(Fault& why_lost) { why_lost = co_await connection_->until_lost(); }

awaitable<void> Exporter::publish_state_and_status() {
  const auto connection = connection_;
  for (;;) {
    const auto acknowledgements = std::make_shared<Acknowledgements>();
    std::vector<Message> sent;  // without their payloads
    while (co_await connection->wait_for_room(Lane::live)) {
      std::optional<Message> message = source_status_.take();
      if (!message) break;
      const TopicGates::Verdict verdict = habits_.gates.ask(*message->topic, SteadyClock::now());
      if (verdict != TopicGates::Verdict::send && verdict != TopicGates::Verdict::probe) continue;
      sent.push_back({.topic = message->topic, .payload = {}});
      connection->send(std::move(*message), acknowledgements);
    }
    co_await connection->wait_until_answered(acknowledgements);
    for (std::size_t i = 0; i < sent.size() && i < acknowledgements->reasons.size(); ++i)
      judge(sent[i].topic, acknowledgements->reasons[i]);
    // A change during that wait has notified nobody. A connection that is gone ends this task.
    while (!source_status_.pending() || !connection->alive()) co_await status_changed_.wait();
  }
}

/// What becomes of the topic of a retained message.
void Exporter::judge(const Topic& topic, std::optional<int> reason) {
  if (!reason)
    habits_.gates.unanswered(*topic);
  else if (consequence_of(*reason).refused)
    habits_.refused(topic, *reason, 1, 0, SteadyClock::now());
  else
    habits_.took(topic, SteadyClock::now());
}

awaitable<void> Exporter::go_offline() {
  const auto connection = connection_;
  if (!up()) co_return;
  const SteadyTime limit = SteadyClock::now() + offline_limit;
  const auto acknowledgements = std::make_shared<Acknowledgements>();
  // While the broker acknowledges, the window has room within the limit. Otherwise the broker publishes the
  // will, which says the same.
  const auto room = co_await with_timeout(connection->wait_for_room(Lane::live), offline_limit);
  if (room.value_or(false)) {
    connection->send(state(false), acknowledgements);
    co_await connection->wait_until_answered(acknowledgements, limit);
  }
  connection_.reset();
  connection->close({FaultClass::connection, "the exporter has ended", 0});
}

awaitable<void> Exporter::wait_until_up() {
  while (!up()) co_await up_.wait();
}

awaitable<void> Exporter::publish(const std::vector<StoredSet>& sets, Lane lane, std::vector<Fate>& fates) {
  if (!up()) co_return;
  Publication publication(connection_, routes_, habits_, sets, lane, fates);
  co_await publication.run(selection_);
}

PushExporter::Time Exporter::replay_from(SourceKind kind, const std::string& source) const {
  return habits_.gates.opens_at(routes_.replay_topic(kind, source));
}

std::vector<CertificateExpiry> Exporter::certificates() const {
  if (!tls_ || !tls_->product()) return {};
  return tls_->product()->certificates;
}

std::vector<std::string> Exporter::remarks() const {
  return up() ? remarks_on(connection_->terms()) : std::vector<std::string>{};
}

void Exporter::set_status(const std::vector<SourceStatus>& sources) {
  if (source_status_.update(sources)) status_changed_.notify();
}

SteadyTime Exporter::retry_at(const Fault& fault) {
  if (fault.code == new_certificates) return SteadyClock::now();
  if (consequence_of(fault.code).longest_pause) return reconnect_.after_refusal(SteadyClock::now());
  return reconnect_.after_failure(SteadyClock::now(), chance());
}

void Exporter::report_connected() {
  logged_failure_.clear();
  looked_at_.reset();
  log::info(
      "connected to MQTT broker",
      {{"exporter", name()}, {"broker", broker_}, {"protocol", connection_->terms().mqtt_5 ? "5" : "3.1.1"}});
  for (const std::string& remark : remarks())
    log::warn("the MQTT broker does not have all that flopwatt needs",
              {{"exporter", name()}, {"broker", broker_}, {"missing", remark}});
}

void Exporter::report_not_connected(const Fault& fault) {
  if (fault.message == logged_failure_) return;
  logged_failure_ = fault.message;
  log::warn("cannot connect to MQTT broker; readings wait in the store",
            {{"exporter", name()}, {"broker", broker_}, {"reason", fault.message}});
}

void Exporter::report_lost(const Fault& fault) {
  if (fault.code == new_certificates)
    return log::info("connecting to the MQTT broker again with other certificate files",
                     {{"exporter", name()}, {"broker", broker_}});
  if (!reconnect_.suspicious() || habits_.suspects.one_at_a_time()) {
    logged_suspicion_ = false;
    log::warn("lost MQTT broker; readings wait in the store",
              {{"exporter", name()}, {"broker", broker_}, {"reason", fault.message}});
  } else if (!std::exchange(logged_suspicion_, true)) {
    log::error(
        "the MQTT broker closes each connection at once: probably another client uses this client id; end "
        "it, or "
        "give this exporter another name",
        {{"exporter", name()}, {"broker", broker_}, {"client_id", client_id_}, {"reason", fault.message}});
  }
}

}  // namespace

std::unique_ptr<PushExporter> make_exporter(const ExporterConfig& config, const std::string& node,
                                            std::string_view version) {
  prepare_library();
  return std::make_unique<Exporter>(config.name, config.settings.as<Settings>(), node, version);
}

}  // namespace flopwatt::mqtt
