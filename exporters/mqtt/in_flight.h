// The messages that are sent and not yet answered. Pure: the connection reports what happened and when.
#pragma once

#include <chrono>
#include <cstddef>
#include <cstdint>
#include <memory>
#include <optional>
#include <vector>

#include "exporters/mqtt/routes.h"
#include "exporters/push_exporter.h"

namespace flopwatt::mqtt {

/// The broker's answers to the messages of one sender. Shared by the sender, which may be cancelled, and the
/// slots of the messages.
struct Acknowledgements {
  std::size_t unanswered = 0;
  /// The reason code of each message, in the order in which they were sent; nullopt: none so far, or the
  /// connection was lost before it came.
  std::vector<std::optional<int>> reasons;
};

/// What a message is about, for the case that the connection is lost before its answer.
struct MessageFacts {
  Topic topic;
  Topic subject;  ///< the live topic of its source; of a message without reading sets its own topic
  std::uint64_t first_seq = 0, last_seq = 0;  ///< of the sets in it
  std::size_t objects = 0;                    ///< reading sets
  std::size_t bytes = 0;
  std::chrono::steady_clock::time_point sent{};
};

class InFlight {
 public:
  using Lane = PushExporter::Lane;
  using SteadyTime = std::chrono::steady_clock::time_point;

  explicit InFlight(std::size_t limit) : slots_(limit), limit_(limit) {}

  /// At most so many from now on, and never more than the number of the constructor.
  void set_limit(std::size_t limit);

  /// Replay has at most half of the slots, and none while live messages wait for one.
  [[nodiscard]] bool has_room(Lane lane) const;

  /// Takes a slot (has_room() must hold) and returns its number.
  std::size_t add(const std::shared_ptr<Acknowledgements>& acknowledgements, MessageFacts facts, Lane lane,
                  SteadyTime now);

  /// What the message in that slot is about.
  [[nodiscard]] const MessageFacts& facts(std::size_t slot) const { return slots_.at(slot).facts; }

  /// The message of that slot is answered. Frees the slot.
  void answered(std::size_t slot, int reason, SteadyTime now);

  /// The connection is gone: nothing that is in flight will be answered. Returns what was in flight.
  std::vector<MessageFacts> give_up();

  [[nodiscard]] bool empty() const { return used_ == 0; }
  /// When the newest answer came, or, if that is later, when the first message went out after a time without
  /// any message in flight.
  [[nodiscard]] SteadyTime last_progress() const { return last_progress_; }

  /// Held while a sender of that lane waits for room.
  class Waiting {
   public:
    Waiting(InFlight& in_flight, Lane lane) : count_(in_flight.live_waiting_), live_(lane == Lane::live) {
      if (live_) ++count_;
    }
    ~Waiting() {
      if (live_) --count_;
    }
    Waiting(const Waiting&) = delete;
    Waiting& operator=(const Waiting&) = delete;

   private:
    std::size_t& count_;
    bool live_;
  };

 private:
  struct Slot {
    std::shared_ptr<Acknowledgements> acknowledgements;  // null while the slot is free
    std::size_t message = 0;                             // its number among them
    MessageFacts facts;
    Lane lane = Lane::live;
  };

  void release(Slot& slot, std::optional<int> reason);

  std::vector<Slot> slots_;
  std::size_t limit_;
  std::size_t used_ = 0, replay_used_ = 0, live_waiting_ = 0;
  SteadyTime last_progress_;
};

}  // namespace flopwatt::mqtt
