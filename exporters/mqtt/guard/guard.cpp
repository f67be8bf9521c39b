#include "exporters/mqtt/guard/guard.h"

#include <boost/asio/bind_cancellation_slot.hpp>
#include <boost/asio/cancellation_signal.hpp>
#include <boost/asio/co_spawn.hpp>
#include <boost/asio/post.hpp>
#include <boost/asio/steady_timer.hpp>
#include <exception>

#include "runtime/foreign_callback.h"
#include "runtime/threads.h"

namespace flopwatt::mqtt {
namespace {

constexpr std::chrono::milliseconds longest_goodbye{1000}, longest_goodbye_at_end{300};

}  // namespace

/// A relay that runs. All but `loop` is touched on that loop only.
struct GuardedLink::Control : std::enable_shared_from_this<GuardedLink::Control> {
  explicit Control(asio::io_context& guard) : loop(guard) {}

  void start() {
    asio::co_spawn(
        loop, relay->run(),
        asio::bind_cancellation_slot(cancel.slot(), [self = shared_from_this()](const std::exception_ptr&) {
          self->limit.reset();
          self->relay.reset();
        }));
  }

  void end_within(std::chrono::milliseconds time) {
    if (!relay) return;
    limit.emplace(loop, time);
    limit->async_wait([weak = weak_from_this()](const boost::system::error_code& error) {
      const auto self = weak.lock();
      if (!error && self && self->relay) self->cancel.emit(asio::cancellation_type::terminal);
    });
  }

  asio::io_context& loop;
  asio::cancellation_signal cancel;
  std::unique_ptr<Relay> relay;  // null once it has ended
  std::optional<asio::steady_timer> limit;
};

GuardedLink::~GuardedLink() {  // NOLINT(bugprone-exception-escape): only where no memory is left
  asio::post(control_->loop, [control = control_] { control->end_within(longest_goodbye); });
}

void GuardedLink::on_open(Result<std::uint16_t> port, asio::ip::tcp::endpoint broker) {
  opened_ = std::move(port);
  broker_ = std::move(broker);
  opened_changed_.notify();
}

void GuardedLink::on_end(RelayEnd end) {
  end_ = std::move(end);
  ended_.notify();
  if (on_ended) on_ended();
}

awaitable<void> GuardedLink::until_ended(std::chrono::steady_clock::time_point limit) {
  while (!end_ && std::chrono::steady_clock::now() < limit) co_await ended_.wait(limit);
}

Guard::~Guard() {  // NOLINT(bugprone-exception-escape): as above
  if (!thread_.joinable()) return;
  asio::post(loop_, [this] {
    for (const auto& weak : controls_)
      if (const auto control = weak.lock()) control->end_within(longest_goodbye_at_end);
  });
  goes_on_.reset();
  thread_.join();
}

void Guard::keep(const std::shared_ptr<GuardedLink::Control>& control) {
  std::erase_if(controls_, [](const auto& weak) { return weak.expired(); });
  controls_.push_back(control);
}

awaitable<Result<std::shared_ptr<GuardedLink>>> Guard::open(BrokerPlace place) {
  if (!thread_.joinable()) thread_ = start_thread([this] { loop_.run(); });
  if (!thread_.joinable())
    co_return Fault{FaultClass::connection, no_thread_text("the connection to an MQTT broker"), 0};
  const asio::any_io_executor home = co_await asio::this_coro::executor;
  const auto control = std::make_shared<GuardedLink::Control>(loop_);
  const std::shared_ptr<GuardedLink> link(new GuardedLink(control));
  const std::weak_ptr<GuardedLink> target = link;
  if (!lookup_) lookup_.emplace(place.host);
  control->relay = std::make_unique<Relay>(
      std::move(place), *lookup_,
      [home, target](Result<std::uint16_t> port, asio::ip::tcp::endpoint broker) {
        post_to(home, target, &GuardedLink::on_open, std::move(port), std::move(broker));
      },
      [home, target](RelayEnd end) { post_to(home, target, &GuardedLink::on_end, std::move(end)); });
  asio::post(loop_, [this, control] {
    keep(control);
    control->start();
  });
  while (!link->opened_) co_await link->opened_changed_.wait();
  if (!*link->opened_) co_return link->opened_->error();
  link->port_ = **link->opened_;
  co_return link;
}

}  // namespace flopwatt::mqtt
