#include "exporters/mqtt/close_suspects.h"

#include <algorithm>
#include <utility>

namespace flopwatt::mqtt {
namespace {

/// Whether both are on one topic, or carry a set in common: a live message comes again in an array under
/// replay/.
bool are_alike(const MessageFacts& one, const MessageFacts& other) {
  return *one.topic == *other.topic || (*one.subject == *other.subject && one.first_seq <= other.last_seq &&
                                        other.first_seq <= one.last_seq);
}

}  // namespace

std::optional<MessageFacts> CloseSuspects::connection_lost(std::vector<MessageFacts> in_flight,
                                                           SteadyTime now) {
  trial_began_ = {};
  if (one_at_a_time_) {
    if (in_flight.size() != 1 || now - in_flight.front().sent > soon) return std::nullopt;
    end_trial();
    return in_flight.front();
  }
  std::vector<MessageFacts> again;
  for (const MessageFacts& message : in_flight)
    if (std::ranges::any_of(suspects_, [&](const MessageFacts& each) { return are_alike(each, message); }))
      again.push_back(message);
  one_at_a_time_ = !again.empty();
  suspects_ = one_at_a_time_ ? std::move(again) : std::move(in_flight);
  return std::nullopt;
}

std::optional<MessageFacts> CloseSuspects::largest(const std::vector<MessageFacts>& in_flight) {
  const auto found = std::ranges::max_element(in_flight, {}, &MessageFacts::bytes);
  return found == in_flight.end() ? std::nullopt : std::optional(*found);
}

void CloseSuspects::answered(const MessageFacts& message, SteadyTime now) {
  if (suspects_.empty()) return;
  std::erase_if(suspects_, [&](const MessageFacts& each) { return are_alike(each, message); });
  if (!one_at_a_time_) return;
  if (trial_began_ == SteadyTime{}) trial_began_ = now;
  if (suspects_.empty() || now - trial_began_ >= trial) end_trial();
}

void CloseSuspects::end_trial() {
  one_at_a_time_ = false;
  suspects_.clear();
}

}  // namespace flopwatt::mqtt
