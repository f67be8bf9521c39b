// What the agent tells a service manager that started it (systemd, Type=notify; sd_notify(3)). Without
// $NOTIFY_SOCKET all of it does nothing. One thread.
#pragma once

#include <chrono>
#include <cstdint>
#include <string>
#include <vector>

namespace flopwatt::daemon {

class ServiceManager {
 public:
  using Clock = std::chrono::steady_clock;

  /// Reads the environment, which no thread changes.
  ServiceManager();

  /// TCP sockets that it listens on for the agent (sd_listen_fds(3)): a socket unit's. To be asked once.
  [[nodiscard]] static std::vector<int> listening_sockets();

  void ready();
  void reloading();
  void stopping();
  /// For people, in `systemctl status`. Told only where it differs from the last.
  void status(const std::string& text);

  /// Half of the time within which the watchdog wants to be fed; longest where there is none.
  [[nodiscard]] Clock::duration period() const { return period_; }
  /// What the metering loop has done so far, as a number that grows. Feeds the watchdog once a period, but
  /// only where it has grown since. To be called several times a period.
  void progress(std::uint64_t done, Clock::time_point now);

 private:
  static void tell(const std::string& assignments);

  Clock::duration period_ = Clock::duration::max();
  Clock::time_point feed_at_{};  // not before
  std::uint64_t done_ = 0;       // when it was fed last
  std::string status_;
};

}  // namespace flopwatt::daemon
