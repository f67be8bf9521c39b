// Receives lines of counted work on one socket, keeps the socket open, and hands every line to the counter.
#pragma once

#include <chrono>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "config/config.h"
#include "drivers/work/line_counter.h"
#include "drivers/work/refusal_log.h"
#include "drivers/work/socket.h"
#include "runtime/async.h"

namespace flopwatt::work {

/// A larger datagram (only a unix socket carries one) is counted up to here.
inline constexpr std::size_t largest_datagram = 65536;

/// What the receivers of one driver share.
struct LineSink {
  explicit LineSink(WorkIntake& intake) : counter(intake) {}

  LineCounter counter;
  RefusalLog log;
  std::vector<char> buffer = std::vector<char>(largest_datagram);  ///< of the datagram at hand
};

class LineReceiver {
 public:
  /// `sink` must outlive it.
  LineReceiver(StatsdConfig config, LineSink& sink) : config_(std::move(config)), sink_(sink) {}

  /// Receives until it is cancelled; opens the socket where it is not open, and tries again every few seconds
  /// where that fails. The socket stays open in between calls.
  awaitable<void> receive();

  [[nodiscard]] const StatsdConfig& config() const { return config_; }

 private:
  void open(const asio::any_io_executor& executor);
  void take_waiting();
  void take_datagram(std::string_view datagram, bool is_cut);
  void report(const std::string& trouble);

  StatsdConfig config_;
  LineSink& sink_;
  std::optional<Socket> socket_;
  std::string trouble_;  // reported last, "" while the socket is open
};

}  // namespace flopwatt::work
