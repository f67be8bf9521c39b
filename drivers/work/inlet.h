// One place where lines of counted work come in: keeps its socket open, and hands every line to the counter.
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

/// What the inlets of one driver share.
struct Desk {
  explicit Desk(WorkIntake& intake) : counter(intake) {}

  LineCounter counter;
  RefusalLog log;
  std::vector<char> buffer = std::vector<char>(largest_datagram);  ///< of the datagram at hand
};

class Inlet {
 public:
  /// `desk` must outlive it.
  Inlet(StatsdConfig config, Desk& desk) : config_(std::move(config)), desk_(desk) {}

  /// Receives until it is cancelled; opens the socket where it is not open, and tries again every few seconds
  /// where that fails. The socket stays open in between calls.
  awaitable<void> receive();

  [[nodiscard]] const StatsdConfig& config() const { return config_; }

 private:
  void open(const asio::any_io_executor& executor);
  void take_waiting();
  void take_datagram(std::string_view datagram, bool is_cut);
  void tell(const std::string& trouble);

  StatsdConfig config_;
  Desk& desk_;
  std::optional<Socket> socket_;
  std::string trouble_;  // told last, "" while the socket is open
};

}  // namespace flopwatt::work
