#include "exporters/mqtt/connector.h"

#include <chrono>
#include <utility>

#include "exporters/mqtt/guard/connack.h"
#include "exporters/mqtt/reason_codes.h"
#include "runtime/async.h"

namespace flopwatt::mqtt {
namespace {

using std::chrono::steady_clock;

constexpr std::chrono::minutes look_interval{1};
/// Within which a refused connection ends.
constexpr std::chrono::seconds reference_limit{1};

BrokerPlace place_in(const Settings& settings) {
  const bool is_bracketed = settings.host.starts_with('[') && settings.host.ends_with(']');
  return {is_bracketed ? settings.host.substr(1, settings.host.size() - 2) : settings.host, settings.port,
          nullptr};
}

}  // namespace

Connector::Connector(const Settings& settings, std::string client_id)
    : settings_(settings),
      client_id_(std::move(client_id)),
      broker_((settings.tls ? "mqtts://" : "mqtt://") + place_in(settings).text()),
      negotiation_(settings.protocol) {
  if (settings_.password_file) password_file_.emplace(*settings_.password_file);
  if (settings_.tls) tls_.emplace(watch_tls("TLS of " + broker_, client_tls(*settings_.tls)));
}

awaitable<Result<std::shared_ptr<Connection>>> Connector::connect(Message will) {
  ConnectRequest request{.broker = broker_,
                         .address = {},
                         .client_id = client_id_,
                         .username = settings_.username,
                         .password = {},
                         .will = std::move(will)};
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
  Result<std::shared_ptr<Connection>> made(nullptr);
  for (int adaptations = 0; adaptations <= most_adaptations; ++adaptations) {
    request.terms = negotiation_.terms(steady_clock::now());
    made = co_await try_once(request);
    if (made || !negotiation_.refused(made.error(), request.terms, steady_clock::now())) break;
  }
  if (made) looked_at_.reset();
  if (made) co_return made;
  Fault fault = made.error();
  if (fault.code == no_connection) co_return co_await explain(std::move(fault), request.terms);
  if (const auto code = static_cast<ReasonCode>(fault.code);
      code == ReasonCode::use_another_server || code == ReasonCode::server_moved)
    fault.message += co_await server_reference();
  co_return fault;
}

awaitable<Result<std::shared_ptr<Connection>>> Connector::try_once(ConnectRequest request) {
  BrokerPlace broker = place_in(settings_);
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
  if (!done) co_return done.error();
  if (const auto left = negotiation_.connected(request.terms, connection->terms(), steady_clock::now())) {
    connection->close(*left);
    co_return *left;
  }
  co_return connection;
}

// Which broker the one that refuses names in its place: " (it names …)", or "".
awaitable<std::string> Connector::server_reference() {
  const auto link = link_;
  co_await link->until_ended(steady_clock::now() + reference_limit);
  const std::string name = link->end() ? server_reference_of(link->end()->first_bytes) : "";
  co_return name.empty() ? "" : " (it names " + name + ")";
}

// Why there is no connection, though a broker's address took one.
awaitable<Fault> Connector::explain(Fault fault, Terms asked) {
  const std::string what = "connecting to " + broker_ + " as " + client_id_ + ": ";
  if (tls_ && link_->end() && link_->end()->first_bytes.empty()) {
    fault.message = what + "TLS with " + place_of(link_->broker()) + ": " + link_->end()->why;
    negotiation_.no_answer(asked, false, steady_clock::now());
    co_return fault;
  }
  const Answerer answerer = co_await who_answered(*link_);
  negotiation_.no_answer(asked, answerer == Answerer::closes, steady_clock::now());
  fault.message = what + text_of(answerer, place_of(link_->broker()));
  if (answerer == Answerer::broker && !why_ended().empty()) fault.message += ": " + why_ended();
  co_return fault;
}

// The first bytes tell; where there are none, a second look does, once a minute at most. What is behind TLS is at least
// no plain port.
awaitable<Answerer> Connector::who_answered(const GuardedLink& link) {
  const std::string first_bytes = link.end() ? link.end()->first_bytes : "";
  if (!first_bytes.empty()) co_return answerer_of(first_bytes);
  if (tls_) co_return link.end() ? Answerer::closes : Answerer::silent;
  const SteadyTime now = steady_clock::now();
  if (!looked_at_ || now - looked_at_time_ >= look_interval) {
    looked_at_ = co_await look_at(link.broker().address(), settings_.port);
    looked_at_time_ = now;
  }
  co_return *looked_at_;
}

std::string Connector::why_ended() const { return link_ && link_->end() ? link_->end()->why : ""; }

awaitable<void> Connector::until_certificates_change() {
  if (!tls_) co_await sleep_until(SteadyTime::max());
  const auto used = tls_->product();
  while (tls_->product() == used) {
    co_await sleep_until(steady_clock::now() + watch_period);
    (void)co_await tls_->refresh();
  }
}

std::vector<CertificateExpiry> Connector::certificates() const {
  if (!tls_ || !tls_->product()) return {};
  return tls_->product()->certificates;
}

}  // namespace flopwatt::mqtt
