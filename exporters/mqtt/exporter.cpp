#include "exporters/mqtt/exporter.h"

#include <algorithm>
#include <boost/asio/cancellation_state.hpp>
#include <exception>
#include <optional>
#include <utility>

#include "exporters/mqtt/broker_habits.h"
#include "exporters/mqtt/connection.h"
#include "exporters/mqtt/connector.h"
#include "exporters/mqtt/documents.h"
#include "exporters/mqtt/messages.h"
#include "exporters/mqtt/negotiation.h"
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

namespace flopwatt::mqtt {
namespace {

using SteadyClock = std::chrono::steady_clock;

/// How long `offline` may wait for its acknowledgement; the will says the same to those who miss it.
constexpr std::chrono::milliseconds offline_limit{900};
/// A broker that answers late, over a satellite say, would else get the same messages again and again: the limit doubles
/// after a connection on which it answered nothing.
constexpr std::chrono::seconds shortest_answer_limit{10}, longest_answer_limit{80};
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
        connector_(settings_, client_id_),
        state_topic_(std::make_shared<const std::string>(base_ + "state")),
        routes_(base_),
        habits_(name_),
        selection_(settings.publish, settings.every),
        source_status_(base_) {}

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
  [[nodiscard]] std::vector<CertificateExpiry> certificates() const override {
    return connector_.certificates();
  }

 private:
  awaitable<void> stay_connected();
  awaitable<Fault> serve();
  awaitable<void> watch(Fault& why_lost);
  [[nodiscard]] bool may_send(const Topic& topic);
  [[nodiscard]] std::shared_ptr<Acknowledgements> announce(Connection& connection);
  awaitable<void> judge_announcement(std::shared_ptr<Acknowledgements> acknowledgements);
  awaitable<void> publish_status();
  awaitable<void> watch_certificates(Fault& why_lost);
  awaitable<void> go_offline();

  void report_connected();
  [[nodiscard]] Message state(bool online) const;
  void report_not_connected(const Fault& fault);
  void report_lost(const Fault& fault);
  void follow_answers(Connection& connection);
  void judge(const Topic& topic, std::size_t bytes, std::optional<int> reason);
  void learn_from_loss(const Connection& connection);
  [[nodiscard]] SteadyTime retry_at(const Fault& fault);

  const std::string name_;
  const Settings settings_;
  const std::string version_, client_id_, base_;
  Connector connector_;
  const Topic state_topic_;
  Routes routes_;
  BrokerHabits habits_;
  Selection selection_;
  SourceStatusMessages source_status_;
  Reconnect reconnect_;
  std::chrono::seconds answer_limit_ = shortest_answer_limit;
  std::int64_t connected_since_wall_us_ = 0;
  std::shared_ptr<Connection> connection_;  // null while there is none
  std::uint64_t connections_ = 0;
  Condition up_, status_changed_;
  // What was logged last: each change is logged once
  std::string logged_failure_;
  bool logged_suspicion_ = false;
};

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
    connected_since_wall_us_ = now().wall_us;
    const auto connected = co_await connector_.connect(state(false));
    const SteadyTime since = SteadyClock::now();
    Fault fault;
    if (connected) {
      connection_ = *connected;
      ++connections_;
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

/// Until the connection is lost: publishes `online`, then what changes.
awaitable<Fault> Exporter::serve() {
  const auto connection = connection_;
  // `online` goes out before anything else can: up() turns true without a suspension between.
  habits_.gates.connected(SteadyClock::now());
  follow_answers(*connection);
  const auto announced = announce(*connection);
  source_status_.forget_published();
  up_.notify();
  Fault why_lost;
  std::vector<awaitable<void>> tasks;
  tasks.push_back(watch(why_lost));
  tasks.push_back(judge_announcement(announced));
  tasks.push_back(publish_status());
  tasks.push_back(watch_certificates(why_lost));
  co_await run_until_first_ends(std::move(tasks));
  if (const std::string why = connector_.why_ended(); !why.empty()) why_lost.message += ": " + why;
  if (connection->lost_by_peer() && connection->disconnect_reason() == 0)
    why_lost.message +=
        "; its log knows why: it ended, it does not take a message, or another client uses this client id";
  co_return why_lost;
}

awaitable<void> Exporter::watch_certificates(Fault& why_lost) {
  co_await connector_.until_certificates_change();
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

awaitable<void> Exporter::watch(Fault& why_lost) {
  const auto connection = connection_;
  why_lost = co_await connection->until_lost(answer_limit_);
  if (why_lost.code == not_acknowledged)
    answer_limit_ = connection->was_answered() ? shortest_answer_limit
                                               : std::min(2 * answer_limit_, longest_answer_limit);
}

/// Whether a retained message may go out: its topic was not refused, or may be tried again.
bool Exporter::may_send(const Topic& topic) {
  const TopicGates::Verdict verdict = habits_.gates.ask(*topic, SteadyClock::now());
  return verdict == TopicGates::Verdict::send || verdict == TopicGates::Verdict::probe;
}

/// Sends `online`. Null where the broker does not take it.
std::shared_ptr<Acknowledgements> Exporter::announce(Connection& connection) {
  if (!may_send(state_topic_)) return nullptr;
  auto acknowledgements = std::make_shared<Acknowledgements>();
  connection.send(state(true), acknowledgements);
  return acknowledgements;
}

/// Ends with the connection only.
awaitable<void> Exporter::judge_announcement(std::shared_ptr<Acknowledgements> acknowledgements) {
  const auto connection = connection_;
  if (acknowledgements) {
    co_await connection->wait_until_answered(acknowledgements);
    if (!acknowledgements->reasons.empty())
      judge(state_topic_, state(true).payload.size(), acknowledgements->reasons.front());
  }
  co_await sleep_until(SteadyTime::max());
}

awaitable<void> Exporter::publish_status() {
  const auto connection = connection_;
  for (;;) {
    const auto acknowledgements = std::make_shared<Acknowledgements>();
    std::vector<std::pair<Topic, std::size_t>> sent;  // with the bytes of its payload
    while (co_await connection->wait_for_room(Lane::live)) {
      std::optional<Message> message = source_status_.take();
      if (!message) break;
      if (!may_send(message->topic)) continue;
      sent.emplace_back(message->topic, message->payload.size());
      connection->send(std::move(*message), acknowledgements);
    }
    co_await connection->wait_until_answered(acknowledgements);
    for (std::size_t i = 0; i < sent.size() && i < acknowledgements->reasons.size(); ++i)
      judge(sent[i].first, sent[i].second, acknowledgements->reasons[i]);
    // A change during that wait has notified nobody. A connection that is gone ends this task.
    while (!source_status_.pending() || !connection->alive()) co_await status_changed_.wait();
  }
}

/// What becomes of the topic of a retained message.
void Exporter::judge(const Topic& topic, std::size_t bytes, std::optional<int> reason) {
  if (!reason)
    habits_.gates.unanswered(*topic);
  else if (consequence_of(*reason).refused)
    habits_.refused(topic, *reason, 0, bytes, SteadyClock::now());
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
  if (room.value_or(false) && may_send(state_topic_)) {
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
  log::info("connected to MQTT broker", {{"exporter", name()},
                                         {"broker", connector_.broker()},
                                         {"protocol", connection_->terms().mqtt_5 ? "5" : "3.1.1"}});
  for (const std::string& remark : remarks())
    log::warn("the MQTT broker does not have all that flopwatt needs",
              {{"exporter", name()}, {"broker", connector_.broker()}, {"missing", remark}});
}

void Exporter::report_not_connected(const Fault& fault) {
  if (fault.message == logged_failure_) return;
  logged_failure_ = fault.message;
  log::warn("cannot connect to MQTT broker; readings wait in the store",
            {{"exporter", name()}, {"broker", connector_.broker()}, {"reason", fault.message}});
}

void Exporter::report_lost(const Fault& fault) {
  if (fault.code == new_certificates)
    return log::info("connecting to the MQTT broker again with other certificate files",
                     {{"exporter", name()}, {"broker", connector_.broker()}});
  if (!reconnect_.suspicious() || habits_.suspects.one_at_a_time()) {
    logged_suspicion_ = false;
    log::warn("lost MQTT broker; readings wait in the store",
              {{"exporter", name()}, {"broker", connector_.broker()}, {"reason", fault.message}});
  } else if (!std::exchange(logged_suspicion_, true)) {
    log::error(
        "the MQTT broker closes each connection at once: probably another client uses this client id; end "
        "it, or "
        "give this exporter another name",
        {{"exporter", name()},
         {"broker", connector_.broker()},
         {"client_id", client_id_},
         {"reason", fault.message}});
  }
}

}  // namespace

std::unique_ptr<PushExporter> make_exporter(const ExporterConfig& config, const std::string& node,
                                            std::string_view version) {
  prepare_library();
  return std::make_unique<Exporter>(config.name, config.settings.as<Settings>(), node, version);
}

}  // namespace flopwatt::mqtt
