// Deadlines of transactions, with one timer for all connections of a loop. A timer of each connection is set
// for each poll and fires long after the answer, alone where the next poll comes later, since polls move:
// that cost 11 % of the CPU time with 1,000 meters.
#pragma once

#include <boost/asio/any_io_executor.hpp>
#include <boost/asio/awaitable.hpp>
#include <cstddef>

#include "drivers/modbus/wire/readable.h"
#include "runtime/schedule.h"

namespace flopwatt::modbus {

class Deadlines;

/// The deadline of the open transaction of one connection. On the thread of its loop only; destroyed before
/// the io_context of the loop.
class Deadline {
 public:
  /// `readable` is woken when the deadline passes. It must live as long as this object.
  Deadline(const boost::asio::any_io_executor& executor, Readable& readable);
  ~Deadline();
  Deadline(const Deadline&) = delete;
  Deadline& operator=(const Deadline&) = delete;

  /// A transaction begins. It replaces the one before.
  void begin(SteadyTime when);
  /// The transaction has ended.
  void end();
  /// Whether the deadline passed before the transaction ended. False again after begin().
  [[nodiscard]] bool passed() const { return passed_; }

  /// Runs until it is cancelled. While it runs for no connection of the loop, no deadline passes and no timer
  /// is set, so that a loop that has nothing else to do ends.
  boost::asio::awaitable<void> watch();

 private:
  friend class Deadlines;

  Readable& readable_;
  Deadlines& all_;
  SteadyTime when_{};
  std::size_t place_ = 0;  // among the open ones of Deadlines
  bool open_ = false, passed_ = false;
};

}  // namespace flopwatt::modbus
