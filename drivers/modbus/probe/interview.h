// Asking one unit, each question once, within a limit of time, and remembering what it answers.
#pragma once

#include <boost/asio/awaitable.hpp>
#include <chrono>
#include <cstdint>
#include <map>
#include <optional>
#include <string>

#include "drivers/modbus/probe/answers.h"
#include "drivers/modbus/wire/connection.h"
#include "readings/result.h"
#include "runtime/schedule.h"

namespace flopwatt::modbus {

struct InterviewOptions {
  ReadOptions read;
  std::optional<SerialSettings> line{};  ///< the time on it is added to `read.timeout`
  std::chrono::steady_clock::duration limit = std::chrono::seconds(60);
};

class Interview {
 public:
  Interview(Connection& connection, std::uint8_t unit, const InterviewOptions& options)
      : connection_(connection), unit_(unit), options_(options) {}

  /// One cheap read: whether the unit is there. A fault, if not. That a gateway has no path to it, or no
  /// answer of it (exceptions 10 and 11), is said by the gateway.
  boost::asio::awaitable<std::optional<Fault>> greet();

  /// Does nothing where it was asked before, and once the interview is over: the time has passed, the
  /// connection is gone, or the unit has stopped answering.
  boost::asio::awaitable<void> ask(Question question);

  /// After a fault of class connection: whether the unit, not the line may be the reason. Some devices close
  /// the connection where they are asked for a unit that they do not have.
  [[nodiscard]] bool may_come_back() const;

  [[nodiscard]] const Answers& answers() const { return answers_; }
  /// Why there is no connection any more.
  [[nodiscard]] const std::optional<Fault>& fault() const { return fault_; }
  /// Why not everything was asked, "" where it was.
  [[nodiscard]] const std::string& note() const { return note_; }

 private:
  boost::asio::awaitable<Result<Answer>> read(const Question& question);
  boost::asio::awaitable<void> check_alive();
  [[nodiscard]] bool knows_function(ReadFunction function) const;

  Connection& connection_;
  std::uint8_t unit_;
  InterviewOptions options_;
  SteadyTime end_ = SteadyTime::max();

  Answers answers_;
  struct FunctionUse {
    int answered = 0;
    int illegal = 0;  // exception 1
  };
  std::map<ReadFunction, FunctionUse> functions_;
  int silent_in_a_row_ = 0;
  std::optional<Fault> fault_;
  std::string note_;
};

}  // namespace flopwatt::modbus
