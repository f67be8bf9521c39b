#include "drivers/modbus/probe/interview.h"

#include <algorithm>

#include "drivers/modbus/wire/exceptions.h"
#include "drivers/modbus/wire/request_time.h"
#include "runtime/async.h"

namespace flopwatt::modbus {
namespace {

using namespace std::chrono_literals;
using std::chrono::steady_clock;

// Two registers: some units refuse a single one, none of them is silent then.
constexpr Question greeting{ReadFunction::holding_registers, 0, 2};

constexpr int most_attempts = 3;
constexpr auto busy_pause = 200ms;
/// A unit that is silent where it has no registers has answered the greeting and does so again.
constexpr int doubted_silence = 4;
/// After so many refusals and no answer a function is not asked for any more.
constexpr int believed_illegal = 3;
/// A connection that is tried again later than that is given up.
constexpr auto reconnect_patience = 5s;

}  // namespace

awaitable<std::optional<Fault>> Interview::greet() {
  const auto answer = co_await read(greeting);
  end_ = steady_clock::now() + options_.limit;
  if (answer) {
    answers_.add(greeting, answer->registers);
    co_return std::nullopt;
  }
  Fault fault = answer.error();
  if (unit_refused(fault)) {
    answers_.add_refused(greeting);
    co_return std::nullopt;
  }
  if (const Consequences* refusal = consequences_of(fault))
    fault.message.append(": ").append(refusal->meaning);
  co_return fault;
}

awaitable<void> Interview::ask(Question question) {
  if (answers_.has(question) || fault_ || !note_.empty()) co_return;
  if (steady_clock::now() >= end_) {
    note_ = "not everything was asked: the unit was asked for " +
            std::to_string(std::chrono::duration_cast<std::chrono::seconds>(options_.limit).count()) +
            " s, which is the limit";
    co_return;
  }
  if (!knows_function(question.function)) co_return answers_.add_refused(question);
  const auto answer = co_await read(question);
  if (answer) {
    answers_.add(question, answer->registers);
    silent_in_a_row_ = 0;
    ++functions_[question.function].answered;
    co_return;
  }
  answers_.add_refused(question);
  const Fault& fault = answer.error();
  if (fault.fault_class == FaultClass::connection) {
    fault_ = fault;
  } else if (unit_refused(fault)) {
    silent_in_a_row_ = 0;
    if (calls_for(RequestStep::leave_out, fault)) ++functions_[question.function].illegal;
  } else if (++silent_in_a_row_ % doubted_silence == 0) {
    co_await check_alive();
  }
}

awaitable<void> Interview::check_alive() {
  const auto answer = co_await read(greeting);
  if (answer || unit_refused(answer.error())) co_return;
  if (answer.error().fault_class == FaultClass::connection)
    fault_ = answer.error();
  else
    note_ = "not everything was asked: the unit stopped answering (" + answer.error().message + ')';
}

// A serial line breaks for reasons of its own. A network device that was reached before may be reached again.
bool Interview::may_come_back() const { return !options_.line && connection_.traffic().openings > 0; }

bool Interview::knows_function(ReadFunction function) const {
  const auto use = functions_.find(function);
  return use == functions_.end() || use->second.answered > 0 || use->second.illegal < believed_illegal;
}

// A busy unit, and a connection that a device has closed, are worth another attempt.
awaitable<Result<Answer>> Interview::read(const Question& question) {
  const ReadRequest request{unit_, question.function, question.address, question.count};
  ReadOptions options = options_.read;
  if (options_.line) options.timeout += exchange_time(*options_.line, question.count);
  for (int attempt = 1;; ++attempt) {
    auto answer = co_await connection_.read(request, options);
    if (answer || attempt == most_attempts) co_return answer;
    const Fault& fault = answer.error();
    const bool is_busy = calls_for(RequestStep::wait, fault);
    const bool lost = fault.fault_class == FaultClass::connection && may_come_back();
    if (!is_busy && !lost) co_return answer;
    const SteadyTime again = is_busy ? steady_clock::now() + busy_pause : connection_.retry_at();
    if (again > steady_clock::now() + reconnect_patience) co_return answer;
    co_await sleep_until(std::max(again, steady_clock::now()));
  }
}

}  // namespace flopwatt::modbus
