// Asks one unit questions, each once, within a time limit, and keeps the answers.
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
  std::optional<SerialSettings> line{};  ///< exchange_time() on it is added to `read.timeout`
  std::chrono::steady_clock::duration limit = std::chrono::seconds(60);  ///< counts from the greeting
};

class Interview {
 public:
  /// `connection` outlives the interview.
  Interview(Connection& connection, std::uint8_t unit, const InterviewOptions& options)
      : connection_(connection), unit_(unit), options_(options) {}

  /// Asks whether the unit is there, by one cheap read. A fault: it is not. An exception of the unit itself
  /// is an answer, one of a gateway is not.
  boost::asio::awaitable<std::optional<Fault>> greet();

  /// Does nothing where `question` was asked before, or where the interview is over: the time limit has
  /// passed, the connection is lost, or the unit has stopped answering.
  boost::asio::awaitable<void> ask(Question question);

  /// After a connection fault: whether the unit may be the reason, and not the line. Some devices close the
  /// connection where they are asked for a unit that they do not have.
  [[nodiscard]] bool may_come_back() const;

  [[nodiscard]] const Answers& answers() const { return answers_; }
  /// Why the connection is lost; nullopt where it is not.
  [[nodiscard]] const std::optional<Fault>& fault() const { return fault_; }
  /// Why some questions were not asked, "" where all were.
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
    int illegal = 0;  // answers with exception 1, illegal function
  };
  std::map<ReadFunction, FunctionUse> functions_;
  int silent_in_a_row_ = 0;
  std::optional<Fault> fault_;
  std::string note_;
};

}  // namespace flopwatt::modbus
