#include "exporters/mqtt/publication.h"

#include <algorithm>
#include <chrono>
#include <utility>

namespace flopwatt::mqtt {

using Verdict = TopicGates::Verdict;

Publication::Publication(std::shared_ptr<Connection> connection, Routes& routes, BrokerHabits& habits,
                         const std::vector<StoredSet>& sets, PushExporter::Lane lane,
                         std::vector<Fate>& fates)
    : connection_(std::move(connection)),
      routes_(routes),
      habits_(habits),
      sets_(sets),
      lane_(lane),
      fates_(fates),
      acknowledgements_(std::make_shared<Acknowledgements>()) {}

Publication::~Publication() { judge_answers(); }

void Publication::set_fates(const std::vector<std::size_t>& sets, Fate fate) const {
  for (const std::size_t index : sets) fates_.at(index) = fate;
}

awaitable<void> Publication::run(Selection& selection) {
  std::vector<std::size_t> round = select(selection);
  while (!round.empty() && connection_->alive()) {
    co_await send_round(round);
    co_await connection_->wait_until_answered(acknowledgements_);
    const bool sent_any = !sent_.empty();
    judge_answers();
    round = std::exchange(again_, {});
    std::ranges::sort(round);
    if (sent_any) continue;
    set_fates(round, Fate::later);  // behind the probe of another call
    co_return;
  }
}

std::vector<std::size_t> Publication::select(Selection& selection) const {
  const auto now = std::chrono::steady_clock::now();
  std::vector<std::size_t> wanted;
  for (std::size_t i = 0; i < sets_.size(); ++i) {
    if (!selection.wants(sets_[i]))
      fates_.at(i) = Fate::left_out;
    else if (!habits_.may_send(sets_[i].seq, now))
      fates_.at(i) = Fate::set_aside;
    else
      wanted.push_back(i);
  }
  return wanted;
}

awaitable<void> Publication::send_round(const std::vector<std::size_t>& which) {
  MessageSeries series(sets_, which, lane_, routes_, connection_->max_packet(), habits_.array_bytes());
  set_fates(series.unrouted(), Fate::left_out);
  while (series.topic())
    if (!co_await send_next(series)) co_return;
}

/// False where the connection is lost.
awaitable<bool> Publication::send_next(MessageSeries& series) {
  if (!co_await connection_->wait_for_room(lane_)) co_return false;
  const Topic topic = series.topic();
  switch (habits_.gates.ask(*topic, std::chrono::steady_clock::now())) {
    case Verdict::send:
    case Verdict::probe:
      break;
    case Verdict::wait: {
      const std::vector<std::size_t> behind = series.skip();
      again_.insert(again_.end(), behind.begin(), behind.end());
      co_return true;
    }
    case Verdict::later:
      set_fates(series.skip(), Fate::later);
      co_return true;
    case Verdict::set_aside:
      set_fates(series.skip(), Fate::set_aside);
      co_return true;
  }
  SetMessage next = series.take();
  next.facts.bytes = next.message.payload.size();
  sent_.push_back({next.facts, std::move(next.sets)});
  connection_->send(std::move(next.message), std::move(next.facts), acknowledgements_, lane_);
  co_return true;
}

void Publication::judge_answers() {
  const auto now = std::chrono::steady_clock::now();
  const std::vector<Sent> sent = std::exchange(sent_, {});
  const auto answers = std::exchange(acknowledgements_, std::make_shared<Acknowledgements>());
  for (std::size_t i = 0; i < sent.size(); ++i) {
    const std::optional<int> reason =
        i < answers->reasons.size() ? answers->reasons[i] : std::optional<int>();
    if (reason)
      judge(sent[i], *reason, now);
    else
      habits_.gates.unanswered(*sent[i].facts.topic);
  }
}

void Publication::judge(const Sent& sent, int reason, SteadyTime now) {
  const Consequence consequence = consequence_of(reason);
  if (!consequence.refused) {
    habits_.took(sent.facts.topic, now);
    set_fates(sent.sets, Fate::delivered);
    return;
  }
  habits_.refused(sent.facts.topic, reason, sent.sets.size(), sent.facts.bytes, now);
  if (consequence.answer == Answer::too_large && sent.sets.size() > 1)
    again_.insert(again_.end(), sent.sets.begin(), sent.sets.end());
  else
    set_fates(sent.sets, consequence.answer == Answer::refused_now ? Fate::later : Fate::set_aside);
}

}  // namespace flopwatt::mqtt
