// Who may in by name and password (HTTP's basic authentication), against bcrypt hashes. One hash costs as much as some
// hundred pages: they are computed on a thread of their own, one at a time and behind other work of the machine,
// and never on a loop.
#pragma once

#include <array>
#include <chrono>
#include <cstdint>
#include <deque>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <string_view>

#include "runtime/async.h"
#include "runtime/condition.h"
#include "runtime/side_work.h"

namespace flopwatt::prometheus {

/// Name -> bcrypt hash.
using Users = std::map<std::string, std::string, std::less<>>;

enum class Login : std::uint8_t {
  good,
  wrong,
  busy,  ///< too many wait for theirs, or this one took too long: come again
};

/// Serving loop. Good logins are remembered as keyed hashes, wrong ones never; a name that is not known costs as much
/// time as one that is.
class Logins {
 public:
  /// `patience`: how long a caller waits at most, below the time that a scrape may take. A hash that takes longer, on
  /// a machine that is busy with other work, is computed to its end, and then counts for who asks again.
  explicit Logins(std::chrono::milliseconds patience = std::chrono::seconds(5));

  /// Whether `authorization`, the value of that header, is of one of `users`, of which there is at least one.
  /// `users` must outlive the call.
  [[nodiscard]] awaitable<Login> check(const Users& users, std::string_view authorization);

 private:
  using Fingerprint = std::array<unsigned char, 32>;
  using Time = std::chrono::steady_clock::time_point;

  struct Claim {
    std::string password;
    std::string hash;    // of the user, or of another one
    bool known = false;  // the user is
    Fingerprint fingerprint{};
  };

  struct Computation {
    std::shared_ptr<SideWork> work;
    std::shared_ptr<const bool> fits;  // to be read when the work is done
    bool known = false;
    Fingerprint fingerprint{};
  };

  [[nodiscard]] Claim claim_of(const Users& users, const std::string& name, std::string password) const;
  [[nodiscard]] Fingerprint fingerprint_of(std::string_view name, std::string_view password,
                                           std::string_view hash) const;
  [[nodiscard]] bool is_remembered(const Fingerprint& fingerprint) const;
  void remember(const Fingerprint& fingerprint);
  [[nodiscard]] awaitable<Login> compute(const Claim& claim, Time limit);
  [[nodiscard]] awaitable<Login> finish(Time limit);

  const std::chrono::milliseconds patience_;
  Fingerprint key_{};             // of this process
  std::deque<Fingerprint> good_;  // the oldest first
  std::size_t waiting_ = 0;       // for their turn
  bool taken_ = false;            // the turn is
  Condition free_;
  std::optional<Computation> running_;  // or done, and its caller had gone
};

}  // namespace flopwatt::prometheus
