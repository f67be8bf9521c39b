#include "exporters/mqtt/topic_gates.h"

#include <algorithm>
#include <utility>

#include "exporters/mqtt/reason_codes.h"

namespace flopwatt::mqtt {

using namespace std::chrono_literals;

namespace {

/// Until an answer is there, others are not to ask again and again.
constexpr auto probe_patience = 1s;

}  // namespace

TopicGates::Verdict TopicGates::ask(const std::string& topic, SteadyTime now) {
  const auto found = gates_.find(topic);
  if (found == gates_.end() || !found->second.shut) return Verdict::send;
  Gate& gate = found->second;
  if (gate.probing) return Verdict::wait;
  if (now < gate.retry_at) return gate.while_shut == Fate::set_aside ? Verdict::set_aside : Verdict::later;
  gate.probing = true;
  gate.retry_at = now + probe_patience;
  return Verdict::probe;
}

bool TopicGates::accepted(const std::string& topic, SteadyTime now) {
  const auto found = gates_.find(topic);
  if (found == gates_.end()) return false;
  Gate& gate = found->second;
  gate.shut = gate.probing = false;
  gate.closings = 0;
  gate.backoff.succeed();
  if (now - gate.last_refusal < settled) return false;
  gates_.erase(found);
  return true;
}

TopicGates::Gate& TopicGates::refuse(const std::string& topic, SteadyTime now) {
  Gate& gate = gates_[topic];
  gate.shut = true;
  gate.probing = false;
  gate.last_refusal = now;
  return gate;
}

bool TopicGates::is_news(Gate& gate, int reason) {
  return std::exchange(gate.logged_reason, reason) != reason;
}

bool TopicGates::refused_for_good(const std::string& topic, int reason, SteadyTime now) {
  Gate& gate = refuse(topic, now);
  gate.while_shut = Fate::set_aside;
  gate.retry_at = now + rest;
  return is_news(gate, reason);
}

bool TopicGates::refused_now(const std::string& topic, int reason, SteadyTime now) {
  Gate& gate = refuse(topic, now);
  gate.while_shut = Fate::later;
  // Several messages that were in flight together are one failure.
  if (!gate.backoff.failing() || now >= gate.retry_at) gate.retry_at = gate.backoff.fail(now);
  return is_news(gate, reason);
}

bool TopicGates::closed_connection(const std::string& topic, SteadyTime now) {
  Gate& gate = refuse(topic, now);
  gate.while_shut = Fate::set_aside;
  constexpr unsigned most_doublings = 10;
  const auto pause = std::chrono::minutes(rest.count() << std::min(gate.closings++, most_doublings));
  gate.retry_at = now + std::min<SteadyTime::duration>(pause, longest_rest);
  return is_news(gate, connection_closed);
}

bool TopicGates::refused_alone(const std::string& topic, int reason, SteadyTime now) {
  Gate& gate = refuse(topic, now);
  gate.shut = false;
  return is_news(gate, reason);
}

void TopicGates::unanswered(const std::string& topic) {
  if (const auto found = gates_.find(topic); found != gates_.end()) found->second.probing = false;
}

void TopicGates::connected(SteadyTime now) {
  for (auto& [topic, gate] : gates_) {
    gate.probing = false;
    if (gate.closings == 0) gate.retry_at = std::min(gate.retry_at, now);
  }
}

SteadyTime TopicGates::opens_at(const std::string& topic) const {
  const auto found = gates_.find(topic);
  if (found == gates_.end() || !found->second.shut) return {};
  return found->second.retry_at;
}

}  // namespace flopwatt::mqtt
