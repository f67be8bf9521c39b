// One publish() call: sends the sets, and says of each what became of it. It goes in rounds: what is behind a
// probe of its topic, or was in an array that the broker found too large, comes in the next. Metering loop.
#pragma once

#include <memory>
#include <vector>

#include "exporters/mqtt/broker_habits.h"
#include "exporters/mqtt/connection.h"
#include "exporters/mqtt/messages.h"
#include "exporters/mqtt/routes.h"
#include "exporters/mqtt/selection.h"
#include "exporters/push_exporter.h"

namespace flopwatt::mqtt {

class Publication {
 public:
  /// All that is referred to outlives this.
  Publication(std::shared_ptr<Connection> connection, Routes& routes, BrokerHabits& habits,
              const std::vector<StoredSet>& sets, PushExporter::Lane lane, std::vector<Fate>& fates);
  /// Also where run() was cancelled, answers that have come by then count.
  ~Publication();
  Publication(const Publication&) = delete;
  Publication& operator=(const Publication&) = delete;

  awaitable<void> run(Selection& selection);

 private:
  struct Sent {
    MessageFacts facts;
    std::vector<std::size_t> sets;
  };

  [[nodiscard]] std::vector<std::size_t> select(Selection& selection) const;
  awaitable<void> send_round(const std::vector<std::size_t>& which);
  awaitable<bool> send_next(MessageSeries& series);
  void judge_answers();
  void judge(const Sent& sent, int reason, SteadyTime now);
  void set_fates(const std::vector<std::size_t>& sets, Fate fate) const;

  std::shared_ptr<Connection> connection_;
  Routes& routes_;
  BrokerHabits& habits_;
  const std::vector<StoredSet>& sets_;
  PushExporter::Lane lane_;
  std::vector<Fate>& fates_;
  std::shared_ptr<Acknowledgements> acknowledgements_;
  std::vector<Sent> sent_;          // in this round, parallel to the acknowledgements
  std::vector<std::size_t> again_;  // sets of the next round
};

}  // namespace flopwatt::mqtt
