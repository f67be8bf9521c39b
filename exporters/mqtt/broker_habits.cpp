#include "exporters/mqtt/broker_habits.h"

#include <algorithm>
#include <string_view>

#include "runtime/log.h"

namespace flopwatt::mqtt {
namespace {

/// So many sets are remembered at which the connection was closed; the oldest are tried again first.
constexpr std::size_t most_banned = 256;
constexpr std::chrono::hours ban{24};
/// After a connection of this length the arrays may be twice as large again.
constexpr std::chrono::minutes long_connection{10};

constexpr std::string_view no_reading = "no reading is in it; it is tried again with each connection";
constexpr std::string_view waits = "its readings wait, and are tried again after a pause";
constexpr std::string_view is_set_aside =
    "its readings are set aside, and tried again with each connection and each 10 minutes";
constexpr std::string_view is_halved = "its readings are sent in smaller arrays";
constexpr std::string_view one_is_set_aside =
    "that set of readings is set aside, and tried again with each connection and each 10 minutes";
constexpr std::string_view closed_at =
    "its readings are set aside, and tried again after 10 minutes, then ever more rarely";
constexpr std::string_view closed_at_no_reading =
    "no reading is in it; it is tried again after 10 minutes, then ever more rarely";

}  // namespace

void BrokerHabits::halve_arrays(std::size_t refused_bytes) {
  // Several arrays that were refused together halve them once.
  array_bytes_ = std::max<std::size_t>(1, std::min(array_bytes_, refused_bytes / 2));
}

bool BrokerHabits::may_send(std::uint64_t seq, SteadyTime now) const {
  const auto found = banned_.find(seq);
  return found == banned_.end() || found->second <= now;
}

void BrokerHabits::took(const Topic& topic, SteadyTime now) {
  if (gates.accepted(*topic, now))
    log::info("the MQTT broker takes a topic again", {{"exporter", exporter_}, {"topic", *topic}});
}

void BrokerHabits::refused(const Topic& topic, int reason, std::size_t objects, std::size_t bytes,
                           SteadyTime now) {
  ++refusals_.at(refusal_label_of(reason));
  switch (consequence_of(reason).answer) {
    case Answer::taken:
      break;
    case Answer::refused_now:
      if (gates.refused_now(*topic, reason, now))
        report(objects == 0 ? no_reading : waits, *topic, reason, bytes);
      break;
    case Answer::refused_for_good:
      if (gates.refused_for_good(*topic, reason, now))
        report(objects == 0 ? no_reading : is_set_aside, *topic, reason, bytes);
      break;
    case Answer::too_large:
      if (objects > 1) halve_arrays(bytes);
      if (gates.refused_alone(*topic, reason, now))
        report(objects == 0 ? no_reading : objects > 1 ? is_halved : one_is_set_aside, *topic, reason, bytes);
      break;
  }
}

void BrokerHabits::report(std::string_view consequence, const std::string& topic, int reason,
                          std::size_t bytes) const {
  log::error("the MQTT broker refuses a message; " + std::string(consequence),
             {{"exporter", exporter_},
              {"topic", topic},
              {"reason", text_of(reason) + std::string(consequence_of(reason).advice)},
              {"bytes", std::to_string(bytes)}});
}

bool BrokerHabits::connection_lost(const std::vector<MessageFacts>& in_flight, int reason, SteadyTime now) {
  const bool too_large = static_cast<ReasonCode>(reason) == ReasonCode::packet_too_large;
  const auto guilty =
      too_large ? CloseSuspects::largest(in_flight) : suspects.connection_lost(in_flight, now);
  if (guilty) blame(*guilty, too_large ? reason : connection_closed, now);
  return guilty.has_value();
}

void BrokerHabits::blame(const MessageFacts& message, int reason, SteadyTime now) {
  ++refusals_.at(refusal_label_of(reason));
  if (message.objects > 1) {
    halve_arrays(message.bytes);
    if (gates.refused_alone(*message.topic, reason, now))
      report(is_halved, *message.topic, reason, message.bytes);
    return;
  }
  if (message.objects == 1) {
    if (banned_.size() >= most_banned)
      banned_.erase(std::ranges::min_element(banned_, {}, [](const auto& each) { return each.second; }));
    banned_[message.first_seq] = now + ban;
  }
  if (gates.closed_connection(*message.topic, now))
    report(message.objects == 0 ? closed_at_no_reading : closed_at, *message.topic, reason, message.bytes);
}

void BrokerHabits::connection_held(std::chrono::steady_clock::duration held) {
  if (held >= long_connection) array_bytes_ = std::min(most_bytes, 2 * array_bytes_);
}

std::vector<Refusals> BrokerHabits::refusals() const {
  std::vector<Refusals> refusals;
  for (std::size_t i = 0; i < refusal_labels.size(); ++i)
    refusals.push_back({refusal_labels.at(i), refusals_.at(i)});
  return refusals;
}

}  // namespace flopwatt::mqtt
