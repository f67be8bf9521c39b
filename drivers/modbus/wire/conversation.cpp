#include "drivers/modbus/wire/conversation.h"

#include <algorithm>
#include <utility>

namespace flopwatt::modbus {

using Verdict = Conversation::Verdict;

RequestFrame Conversation::ask(const ReadRequest& request, bool any_unit) {
  // 0 is what devices that do not echo ids send; it is never asked with.
  if (++transaction_ == 0) ++transaction_;
  if (GivenUp* reused = find_given_up(transaction_)) forget(*reused);
  request_ = request;
  any_unit_ = any_unit;
  open_ = true;
  reply_ = {};
  return encode(request, transaction_);
}

std::span<std::uint8_t> Conversation::space() {
  if (begin_ > 0) {
    std::copy_n(buffer_.data() + begin_, end_ - begin_, buffer_.data());
    end_ -= begin_;
    begin_ = 0;
  }
  return std::span(buffer_).subspan(end_);
}

Verdict Conversation::received(std::size_t count) {
  end_ += count;
  return judge();
}

bool Conversation::give_up() {
  open_ = false;
  forget(given_up_[next_given_up_]);
  given_up_[next_given_up_] = {transaction_, answer_length(request_)};
  ++late_answers_;
  next_given_up_ = (next_given_up_ + 1) % given_up_.size();
  return !has_begun();
}

void Conversation::restart() {
  open_ = false;
  begin_ = end_ = 0;
  given_up_ = {};
  late_answers_ = 0;
}

Verdict Conversation::judge() {
  while (pending().size() >= prefix_size) {
    const FrameHeader header = decode_header(pending().first<prefix_size>());
    if (!header.is_modbus())
      return in_doubt("the answer is no Modbus TCP frame (protocol id " + std::to_string(header.protocol) +
                      ", length " + std::to_string(header.length) +
                      "); this port may speak RTU over TCP, or something else");
    const bool answers_open = open_ && header.transaction == transaction_;
    GivenUp* const late = answers_open ? nullptr : find_given_up(header.transaction);
    if (!answers_open && late == nullptr)
      return in_doubt("the answer carries transaction id " + std::to_string(header.transaction) + " where " +
                      std::to_string(transaction_) + " was asked");
    const std::uint16_t expected = late != nullptr ? late->answer_length : answer_length(request_);
    if (header.length != expected && header.length != exception_length)
      return in_doubt("the answer says it is " + std::to_string(header.length) + " bytes long where " +
                      std::to_string(expected) + " were expected");
    if (pending().size() < header.frame_size()) return Verdict::waiting;
    const auto frame = pending().first(header.frame_size());
    begin_ += frame.size();
    if (answers_open) return judge_rest(judge_open(frame));
    forget(*late);
  }
  return Verdict::waiting;
}

Verdict Conversation::judge_open(std::span<const std::uint8_t> frame) {
  open_ = false;
  reply_ = decode_reply(frame, request_, any_unit_);
  switch (reply_.kind) {
    case Reply::Kind::registers:
      return Verdict::registers;
    case Reply::Kind::exception:
      return Verdict::exception;
    case Reply::Kind::wrong_unit:
      return in_doubt(mismatch(reply_, request_) +
                      " (accept_unit_mismatch takes it, where no other unit can be meant)");
    case Reply::Kind::wrong_function:
    case Reply::Kind::wrong_byte_count:
      break;
  }
  return in_doubt(mismatch(reply_, request_));
}

// Bytes that came together with the answer: late answers, or doubt.
Verdict Conversation::judge_rest(Verdict verdict) {
  if (verdict == Verdict::doubt || !has_begun()) return verdict;
  if (judge() == Verdict::doubt) return Verdict::doubt;
  if (has_begun() && late_answers_ == 0)
    return in_doubt(std::to_string(pending().size()) + " bytes follow the answer");
  return verdict;
}

Verdict Conversation::in_doubt(std::string reason) {
  open_ = false;
  reply_ = {};
  doubt_ = std::move(reason);
  return Verdict::doubt;
}

Conversation::GivenUp* Conversation::find_given_up(std::uint16_t transaction) {
  if (transaction == 0 || late_answers_ == 0) return nullptr;
  const auto found = std::ranges::find(given_up_, transaction, &GivenUp::transaction);
  return found == given_up_.end() ? nullptr : &*found;
}

void Conversation::forget(GivenUp& request) {
  if (request.transaction != 0) --late_answers_;
  request = {};
}

std::span<const std::uint8_t> Conversation::pending() const {
  return std::span(buffer_).subspan(begin_, end_ - begin_);
}

}  // namespace flopwatt::modbus
