// Host name -> addresses without blocking the loop. getaddrinfo() cannot be interrupted and may hang for a
// minute, and Asio's resolver has one thread for all names, so that one dead name server would hold up
// everybody; here a look-up has a thread of its own, which is abandoned when nobody waits for it any more.
#pragma once

#include <boost/asio/ip/address.hpp>
#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "readings/result.h"
#include "runtime/async.h"

namespace flopwatt {

/// Looks up one host, as often as it is asked. One loop, one call at a time.
class HostLookup {
 public:
  /// `host`: a name or a numeric address, an IPv6 address without brackets.
  explicit HostLookup(std::string host) : host_(std::move(host)) {}

  /// The addresses, at least one, in the order in which the system prefers them; a numeric address at once.
  /// A Fault of class connection says why there are none: what the resolver says, or that no thread or no
  /// file descriptor is left for the look-up.
  ///
  /// Cancelled, it ends at once; the look-up goes on and the next call takes its answer, so that there is
  /// never more than one thread for each HostLookup.
  awaitable<Result<std::vector<asio::ip::address>>> find();

 private:
  struct Search;
  std::optional<Fault> begin();

  std::string host_;
  std::shared_ptr<Search> search_;  // null while none runs
};

}  // namespace flopwatt
