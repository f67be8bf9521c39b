// The numeric address of a host name.
#pragma once

#include <memory>
#include <string>

#include "readings/result.h"
#include "runtime/async.h"

namespace flopwatt::mqtt {

/// Looks host names up without ever holding up the loop, the end of the process, or Paho: Paho resolves names
/// itself while it holds the lock of all its clients, so it gets numeric addresses only.
class Resolver {
 public:
  /// "192.0.2.1" or "[2001:db8::1]". A name is looked up anew each time; IPv4 comes first where there is
  /// both. Gives up after 5 s; getaddrinfo itself cannot be stopped and then ends on its own thread, whose
  /// answer the next call takes: there is never more than one such thread.
  awaitable<Result<std::string>> numeric(std::string host);

 private:
  struct Lookup;
  std::shared_ptr<Lookup> under_way_;
};

}  // namespace flopwatt::mqtt
