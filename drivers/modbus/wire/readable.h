// Waits until a socket has something to read, at the least cost: one epoll for all sockets of a loop, which
// Asio watches. Asio's own wait for one socket tries to read first, which is a wasted system call right after
// a request was sent, and costs a lock and an operation: a third of the cost of all reads with many meters.
#pragma once

#include <array>
#include <boost/asio/any_io_executor.hpp>
#include <boost/asio/associated_cancellation_slot.hpp>
#include <boost/asio/async_result.hpp>
#include <boost/asio/cancellation_type.hpp>
#include <boost/asio/deferred.hpp>
#include <boost/asio/post.hpp>
#include <cstddef>
#include <cstdint>
#include <memory>
#include <new>
#include <utility>

namespace flopwatt::modbus {

class Readiness;

/// Belongs to one socket. On the thread of its loop only; destroyed before the io_context of the loop.
class Readable {
 public:
  explicit Readable(const boost::asio::any_io_executor& executor);
  ~Readable();
  Readable(const Readable&) = delete;
  Readable& operator=(const Readable&) = delete;

  /// Watches `descriptor`, which does not block, from now on. False: the system refuses to watch more.
  [[nodiscard]] bool watch(int descriptor);

  /// To be called before the descriptor is closed. Ends a wait in progress.
  void forget();

  /// `co_await readable.wait()` returns when bytes came or the peer closed since the previous wait, after
  /// wake(), and now and then for no reason: read until nothing is left, then wait again. One wait at a time.
  /// In a caller that is cancelled the next co_await throws.
  auto wait() {
    return boost::asio::async_initiate<const boost::asio::deferred_t, void()>(Begin{this},
                                                                              boost::asio::deferred);
  }

  /// Ends the wait in progress.
  void wake();

 private:
  friend class Readiness;

  /// The coroutine that waits: a pointer and a reference, kept in `place_`, so that a wait allocates nothing.
  class Waiter {
   public:
    virtual ~Waiter() = default;
    /// Both end the waiter first: the coroutine that they resume may begin the next wait.
    virtual void resume() = 0;
    virtual void post(const boost::asio::any_io_executor& executor) = 0;
  };

  template <class Completion>
  class WaiterOf final : public Waiter {
   public:
    explicit WaiterOf(Completion completion) : completion_(std::move(completion)) {}
    void resume() override { taken()(); }
    void post(const boost::asio::any_io_executor& executor) override { boost::asio::post(executor, taken()); }

   private:
    Completion taken() {
      Completion completion = std::move(completion_);
      std::destroy_at(this);
      return completion;
    }

    Completion completion_;
  };

  struct Begin {
    Readable* self;

    template <class Completion>
    void operator()(Completion completion) const {
      auto slot = boost::asio::get_associated_cancellation_slot(completion);
      if (slot.is_connected()) slot.template emplace<OnCancel>(self);
      using ItsWaiter = WaiterOf<Completion>;
      static_assert(sizeof(ItsWaiter) <= sizeof(Place::bytes) && alignof(ItsWaiter) <= alignof(Place));
      self->begin(new (&self->place_) ItsWaiter(std::move(completion)));
    }
  };

  struct OnCancel {
    explicit OnCancel(Readable* readable) : self(readable) {}
    void operator()(boost::asio::cancellation_type) const { self->wake(); }
    Readable* self;
  };

  void begin(Waiter* waiter);
  /// The socket has something to read: resumes the waiter.
  void came();
  /// The loop ends: nothing is resumed any more.
  void drop();

  struct alignas(std::max_align_t) Place {
    std::array<std::byte, 48> bytes;
  };

  Readiness& all_;
  boost::asio::any_io_executor executor_;
  std::uint32_t number_;      // index of this object in Readiness::all_
  int descriptor_ = -1;       // -1: none is watched
  bool unread_ = false;       // something came while nothing waited
  Waiter* waiter_ = nullptr;  // null, or in place_
  Place place_;
};

}  // namespace flopwatt::modbus
