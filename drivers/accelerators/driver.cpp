#include "drivers/accelerators/driver.h"

#include <algorithm>
#include <boost/asio/as_tuple.hpp>
#include <filesystem>
#include <optional>
#include <string>
#include <system_error>
#include <utility>

#include "drivers/accelerators/fleet.h"
#include "drivers/accelerators/library_search.h"
#include "drivers/accelerators/messages.h"
#include "runtime/async.h"
#include "runtime/condition.h"
#include "runtime/log.h"
#include "runtime/schedule.h"

namespace flopwatt::accelerators {
namespace {

using Clock = std::chrono::steady_clock;

/// What the configuration says about one vendor's accelerators.
struct Plan {
  AcceleratorConfig settings;
  std::vector<NameOverride> names;
  VendorTable table;
};

Plan plan_of(const Vendor& vendor, const Config& config, const AcceleratorTable& table) {
  Plan plan;
  plan.names = config.accelerator_names;
  const auto settings = config.accelerators.find(vendor.keys.name);
  plan.settings =
      settings == config.accelerators.end() ? AcceleratorConfig{.enabled = false} : settings->second;
  if (const auto found = table.find(vendor.keys.name); found != table.end()) plan.table = found->second;
  return plan;
}

GuestProcess::Settings guest_settings(GuestProcess::Settings guest, const AcceleratorConfig& config) {
  guest.arguments.push_back("--library=" + config.library);
  guest.only_socket = config.guest_socket.has_value();
  if (config.guest_socket) guest.socket = *config.guest_socket;
  return guest;
}

/// The accelerators under one configuration. Two tasks of one loop: one keeps a guest alive, the other polls
/// it on the beats and tells the first when it fails.
class Metering {
 public:
  Metering(const Vendor& vendor, const Plan& plan, const NumberOf& number_of, const DriverSettings& settings,
           IntegratedEnergies& energies)
      : title_(vendor.keys.title),
        unit_("flopwatt-smi@" + std::string(vendor.keys.name)),
        guest_name_("the guest of " + title_ + "'s library"),
        config_(plan.settings),
        settings_(settings),
        fleet_(vendor, plan.settings, plan.names, plan.table, number_of, energies),
        guest_(guest_settings(settings.guest, plan.settings)),
        down_reason_{FaultClass::device, guest_name_ + " is being started"} {}

  void add_tasks(std::vector<awaitable<void>>& tasks, Intake& intake) {
    tasks.push_back(keep_guest(intake));
    tasks.push_back(poll_on_beats(intake));
  }

  /// To be called after the tasks of this object have ended.
  awaitable<void> end(Intake& intake) {
    fleet_.remove_sources(intake);
    co_await guest_.stop();
  }

  [[nodiscard]] Inventory inventory() const {
    const bool none_expected = no_library_ && !config_.required;
    return {looked_, ready_ || none_expected ? "" : down_reason_.message};
  }

  [[nodiscard]] std::string why_absent(SourceId id, Channel channel) const {
    return fleet_.why_absent(id, channel);
  }

  bool take_names(const std::vector<NameOverride>& names) { return fleet_.take_names(names); }

 private:
  awaitable<void> keep_guest(Intake& intake) {
    asio::steady_timer failed(co_await asio::this_coro::executor);
    failed_ = &failed;
    for (;;) {
      auto fault = co_await start_guest(intake);
      looked_ = true;
      if (!fault) {
        ready_ = true;
        tell_state("");
        failed.expires_at(SteadyTime::max());
        while (ready_) co_await failed.async_wait(asio::as_tuple(asio::use_awaitable));
      } else {
        down_reason_ = *std::move(fault);
        tell_state(down_reason_.message);
      }
      co_await guest_.stop();
      const auto pause = no_library_ ? settings_.search_period : guest_.next_pause();
      co_await sleep_until(Clock::now() + pause);
    }
  }

  /// Starts the guest and takes its hello; the reason where that failed.
  awaitable<std::optional<Fault>> start_guest(Intake& intake) {
    Result<bool> found = true;
    if (may_be_missing()) found = co_await search_.find(config_.library, settings_.search_deadline);
    no_library_ = found && !*found;
    if (!found) co_return found.error();
    if (no_library_) co_return Fault{FaultClass::device, "the dynamic linker finds no " + config_.library};
    const auto started = co_await guest_.start();
    if (!started) co_return started.error();
    const auto text = co_await guest_.receive(Clock::now() + settings_.hello_deadline);
    if (!text) co_return text.error();
    auto message = understand(*text);
    if (!message) co_return message.error();
    if (const auto* unavailable = std::get_if<Unavailable>(&*message)) {
      no_library_ = unavailable->no_library;
      co_return Fault{FaultClass::device, unavailable->text, unavailable->code};
    }
    auto* hello = std::get_if<Hello>(&*message);
    if (hello == nullptr) co_return Fault{FaultClass::protocol, guest_name_ + " did not begin with a hello"};
    take_hello(std::move(*hello), intake);
    co_return std::nullopt;
  }

  awaitable<void> poll_on_beats(Intake& intake) {
    Schedule schedule(config_.interval, std::chrono::microseconds(0), Pace::moving, Clock::now());
    SteadyTime earliest{};
    for (;;) {
      co_await sleep_until(std::max(schedule.due(), earliest));
      const Beat beat{.due = schedule.due(), .begun = Clock::now()};
      // Sensors tell nothing new to a poll that follows too soon on one that was late.
      earliest = beat.begun + least_distance(config_.interval);
      fleet_.begin_poll();
      std::optional<Fault> fault = down_reason_;
      if (ready_) {
        fault = co_await poll(beat, intake);
        if (fault) guest_failed(*fault);
      }
      fleet_.fail_the_rest(fault ? *fault : not_listed(), beat, intake);
      // A beat that came due during the poll is polled at once: it may be only 0.6 intervals after it.
      const auto missed = schedule.catch_up(Clock::now());
      if (missed > 0) fleet_.skip(missed, intake);
    }
  }

  /// True at `auto` where no guest is a service of its own. Otherwise a guest is started, since the
  /// guest reports best what is wrong.
  [[nodiscard]] bool may_be_missing() const {
    std::error_code error;
    return !config_.required && !std::filesystem::exists(settings_.guest.socket, error);
  }

  /// One question and its answers; a fault where the guest did not answer to the end.
  awaitable<std::optional<Fault>> poll(Beat beat, Intake& intake) {
    const auto deadline = beat.begun + settings_.poll_deadline;
    const auto sent = co_await guest_.send(poll_message, deadline);
    if (!sent) co_return sent.error();
    for (;;) {
      const auto text = co_await guest_.receive(deadline);
      if (!text) co_return text.error();
      auto message = understand(*text);
      if (!message) co_return message.error();
      if (std::holds_alternative<DoneMessage>(*message)) co_return std::nullopt;
      if (const auto* device = std::get_if<DeviceMessage>(&*message)) {
        fleet_.answer(*device, beat, intake);
      } else if (auto* hello = std::get_if<Hello>(&*message)) {
        take_hello(std::move(*hello), intake);
      } else {
        co_return Fault{FaultClass::protocol, guest_name_ + " sent what was not asked"};
      }
    }
  }

  Result<GuestMessage> understand(std::string_view text) const {
    auto message = parse(text, devices_);
    if (message) return message;
    // A service goes on with the program of before an upgrade.
    return Fault{message.error().fault_class,
                 guest_name_ + " " + message.error().message + "; where it is a service, restart " + unit_};
  }

  void take_hello(Hello hello, Intake& intake) {
    fleet_.bind(hello, intake);
    devices_ = std::move(hello.devices);
  }

  void guest_failed(const Fault& fault) {
    log::warn(guest_name_ + " failed and is started again", {{"reason", fault.message}});
    ready_ = false;
    down_reason_ = fault;
    told_ = fault.message;
    failed_->cancel();
  }

  /// Says once what holds from now on; "" is: all is well.
  void tell_state(const std::string& trouble) {
    if (trouble == told_) return;
    const std::string missing = "no " + title_ + " library: accelerators of " + title_ + " are not metered";
    if (trouble.empty())
      log::info(title_ + "'s library can be used again");
    else if (!no_library_)
      log::warn(title_ + "'s library cannot be used; it is tried again", {{"reason", trouble}});
    else if (config_.required)
      log::warn(missing + "; it is looked for each minute",
                {{"library", config_.library}, {"reason", trouble}});
    else
      log::info(missing, {{"library", config_.library}, {"reason", trouble}});
    told_ = trouble;
  }

  [[nodiscard]] Fault not_listed() const {
    return {FaultClass::device, title_ + "'s library does not list this accelerator any more"};
  }

  const std::string title_, unit_, guest_name_;
  const AcceleratorConfig config_;
  const DriverSettings& settings_;
  Fleet fleet_;
  std::vector<DeviceIdentity> devices_;  ///< of the last hello
  LibrarySearch search_;
  GuestProcess guest_;
  bool looked_ = false;      ///< a guest was started and has told its devices, or why it cannot
  bool ready_ = false;       ///< the guest has said hello and answers
  bool no_library_ = false;  ///< the last guest found none
  Fault down_reason_;
  std::string told_;
  asio::steady_timer* failed_ = nullptr;  ///< of keep_guest; cancelled to wake it
};

/// Begins the metering anew whenever its configuration has changed.
class RestartingDriver final : public AcceleratorDriver {
 public:
  RestartingDriver(const Vendor& vendor, const Config& config, const AcceleratorTable& table,
                   NumberOf number_of, DriverSettings settings)
      : vendor_(vendor),
        settings_(std::move(settings)),
        number_of_(std::move(number_of)),
        plan_(plan_of(vendor, config, table)) {}

  void apply(const Config& config, const AcceleratorTable& table) override {
    Plan plan = plan_of(vendor_, config, table);
    const bool only_names = plan.settings == plan_.settings && plan.table == plan_.table;
    plan_ = std::move(plan);
    if (only_names && (!metering_ || metering_->take_names(plan_.names))) return;
    has_changed_ = true;
    changed_.notify();
  }

  awaitable<void> run(Intake& intake) override {
    for (;;) {
      has_changed_ = false;
      metering_.reset();
      if (plan_.settings.enabled)
        metering_ = std::make_unique<Metering>(vendor_, plan_, number_of_, settings_, energies_);
      std::vector<awaitable<void>> tasks;
      tasks.push_back(wait_for_change());
      if (metering_) metering_->add_tasks(tasks, intake);
      co_await run_until_first_ends(std::move(tasks));
      if (metering_) co_await metering_->end(intake);
    }
  }

  [[nodiscard]] Inventory inventory() const override {
    if (metering_) return metering_->inventory();
    return {!plan_.settings.enabled, ""};
  }

  [[nodiscard]] std::string why_absent(SourceId id, Channel channel) const override {
    return metering_ ? metering_->why_absent(id, channel) : "";
  }

 private:
  awaitable<void> wait_for_change() {
    while (!has_changed_) co_await changed_.wait();
  }

  const Vendor& vendor_;
  DriverSettings settings_;
  NumberOf number_of_;
  Plan plan_;
  IntegratedEnergies energies_;         // they go on from one configuration to the next
  std::unique_ptr<Metering> metering_;  // null before run() and while `off`
  bool has_changed_ = false;
  Condition changed_;
};

}  // namespace

std::unique_ptr<AcceleratorDriver> make_driver(const Vendor& vendor, const Config& config,
                                               const AcceleratorTable& table, NumberOf number_of) {
  const std::string name(vendor.keys.name);
  DriverSettings settings;
  settings.guest.name = "guest of " + std::string(vendor.keys.title) + "'s library";
  settings.guest.arguments = {"smi", name};
  settings.guest.socket = "/run/flopwatt-smi/" + name + ".sock";
  return make_driver(vendor, config, table, std::move(number_of), std::move(settings));
}

std::unique_ptr<AcceleratorDriver> make_driver(const Vendor& vendor, const Config& config,
                                               const AcceleratorTable& table, NumberOf number_of,
                                               DriverSettings settings) {
  return std::make_unique<RestartingDriver>(vendor, config, table, std::move(number_of), std::move(settings));
}

}  // namespace flopwatt::accelerators
