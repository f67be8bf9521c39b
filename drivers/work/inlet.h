// Receives counted work on one configured address: keeps the socket open, and passes every line to the counter.
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

/// The lines of a larger datagram (unix sockets only) are counted up to this size.
inline constexpr std::size_t largest_datagram = 65536;

/// Shared by the inlets of one driver.
struct InletContext {
  explicit InletContext(WorkIntake& intake) : counter(intake) {}

  LineCounter counter;
  RefusalLog log;
  std::vector<char> buffer = std::vector<char>(largest_datagram);  ///< of the current datagram
};

class Inlet {
 public:
  /// `context` must outlive the inlet.
  Inlet(StatsdConfig config, InletContext& context) : config_(std::move(config)), context_(context) {}

  /// Opens the socket if it is not open, every 5 s until that succeeds, and receives until cancelled. The socket
  /// stays open between calls.
  awaitable<void> receive();

  [[nodiscard]] const StatsdConfig& config() const { return config_; }

 private:
  void open(const asio::any_io_executor& executor);
  void take_waiting();
  void take_datagram(std::string_view datagram, bool is_cut);
  void report(const std::string& trouble);

  StatsdConfig config_;
  InletContext& context_;
  std::optional<Socket> socket_;
  std::string trouble_;  // logged last; "" while the socket is open
};

}  // namespace flopwatt::work
