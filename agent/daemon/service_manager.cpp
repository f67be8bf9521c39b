#include "agent/daemon/service_manager.h"

#include <sys/socket.h>
#include <systemd/sd-daemon.h>

namespace flopwatt::daemon {

ServiceManager::ServiceManager() {
  std::uint64_t limit_us = 0;
  if (::sd_watchdog_enabled(0, &limit_us) > 0) period_ = std::chrono::microseconds(limit_us / 2);
}

std::vector<int> ServiceManager::listening_sockets() {
  std::vector<int> sockets;
  const int count = ::sd_listen_fds(1);
  for (int each = SD_LISTEN_FDS_START; each < SD_LISTEN_FDS_START + count; ++each)
    if (::sd_is_socket_inet(each, AF_UNSPEC, SOCK_STREAM, 1, 0) > 0) sockets.push_back(each);
  return sockets;
}

// That nobody listens any more is no reason to do anything differently.
void ServiceManager::tell(const std::string& assignments) { (void)::sd_notify(0, assignments.c_str()); }

void ServiceManager::ready() { tell("READY=1"); }

void ServiceManager::reloading() {
  // The time is what Type=notify-reload of later versions wants beside it.
  const auto now = std::chrono::duration_cast<std::chrono::microseconds>(Clock::now().time_since_epoch());
  tell("RELOADING=1\nMONOTONIC_USEC=" + std::to_string(now.count()));
}

void ServiceManager::stopping() { tell("STOPPING=1\nSTATUS=stopping"); }

void ServiceManager::status(const std::string& text) {
  if (text == status_) return;
  status_ = text;
  tell("STATUS=" + text);
}

void ServiceManager::progress(std::uint64_t done, Clock::time_point now) {
  if (period_ == Clock::duration::max() || now < feed_at_ || done == done_) return;
  feed_at_ = now + period_;
  done_ = done;
  tell("WATCHDOG=1");
}

}  // namespace flopwatt::daemon
