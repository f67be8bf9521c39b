// Waiting until something came for a socket, at the least cost: one epoll for all sockets of a loop, itself
// watched by Asio. What Asio offers for one socket tries to read before it waits, which is a system call for
// nothing where a request was sent a moment ago, and costs a lock and an operation for each wait; with many
// meters that is a third of what their reads cost.
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

/// One socket's. On the thread of its loop only; ends before the loop's io_context does.
class Readable {
 public:
  explicit Readable(const boost::asio::any_io_executor& executor);
  ~Readable();
  Readable(const Readable&) = delete;
  Readable& operator=(const Readable&) = delete;

  /// From now on `descriptor`, which does not block, is watched. False: the system has no room for it.
  [[nodiscard]] bool watch(int descriptor);

  /// Before the descriptor is closed. A wait under way ends.
  void forget();

  /// `co_await readable.wait()` returns when something came, or the peer closed, since the wait before; after
  /// wake(); and now and then for no reason: read until there is nothing more, then wait again. One wait at a
  /// time. A caller that is cancelled is thrown out by its next co_await.
  auto wait() {
    return boost::asio::async_initiate<const boost::asio::deferred_t, void()>(Begin{this},
                                                                              boost::asio::deferred);
  }

  /// Ends the wait under way.
  void wake();

 private:
  friend class Readiness;

  /// Who waits. It is one pointer and a reference, kept in place, so that a wait allocates nothing.
  class Waiter {
   public:
    virtual ~Waiter() = default;
    /// Both end the waiter: what it resumes may begin the next wait.
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
  /// Something came; resumes who waits for it.
  void came();
  /// Its loop ends: nobody is resumed any more.
  void drop();

  struct alignas(std::max_align_t) Place {
    std::array<std::byte, 48> bytes;
  };

  Readiness& all_;
  boost::asio::any_io_executor executor_;
  std::uint32_t number_;      // in all_
  int descriptor_ = -1;       // -1: none is watched
  bool unread_ = false;       // something came while nobody waited
  Waiter* waiter_ = nullptr;  // null, or in place_
  Place place_;
};

}  // namespace flopwatt::modbus
