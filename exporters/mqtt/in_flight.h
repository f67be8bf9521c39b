// The messages that are sent and not yet answered. Pure: the connection reports what happened and when.
#pragma once

#include <chrono>
#include <cstddef>
#include <memory>
#include <optional>
#include <vector>

#include "exporters/mqtt/routes.h"
#include "exporters/push_exporter.h"
#include "readings/fault.h"

namespace flopwatt::mqtt {

/// The broker's answers to the messages of one publish call. Shared by the call, which may be cancelled, and
/// the slots of the messages.
struct Acknowledgements {
  std::size_t unanswered = 0;
  /// The first fault among the answers; nullopt: none so far.
  std::optional<Fault> fault;
};

class InFlight {
 public:
  using Lane = PushExporter::Lane;
  using SteadyTime = std::chrono::steady_clock::time_point;

  explicit InFlight(std::size_t limit) : slots_(limit) {}

  /// Replay has at most half of the slots, and none while live messages wait for one.
  [[nodiscard]] bool has_room(Lane lane) const;

  /// Takes a slot (has_room() must hold) and returns its number.
  std::size_t add(const std::shared_ptr<Acknowledgements>& acknowledgements, const Topic& topic, Lane lane,
                  SteadyTime now);

  /// The topic of the message in that slot.
  [[nodiscard]] const std::string& topic(std::size_t slot) const { return *slots_.at(slot).topic; }

  /// The message of that slot is answered: acknowledged, or refused with a fault. Frees the slot.
  void answered(std::size_t slot, const std::optional<Fault>& fault, SteadyTime now);

  /// The connection is gone: nothing that is in flight will be answered.
  void fail_all(const Fault& fault);

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
    Topic topic;
    Lane lane = Lane::live;
  };

  void release(Slot& slot, const std::optional<Fault>& fault);

  std::vector<Slot> slots_;
  std::size_t used_ = 0, replay_used_ = 0, live_waiting_ = 0;
  SteadyTime last_progress_;
};

}  // namespace flopwatt::mqtt
