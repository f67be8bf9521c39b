#include "exporters/prometheus/logins.h"

#include <crypt.h>
#include <openssl/crypto.h>
#include <openssl/evp.h>
#include <openssl/hmac.h>
#include <openssl/rand.h>
#include <sys/resource.h>
#include <unistd.h>

#include <algorithm>
#include <optional>
#include <stdexcept>
#include <utility>

namespace flopwatt::prometheus {
namespace {

constexpr std::size_t most_waiting = 8;
constexpr std::size_t most_remembered = 64;
constexpr std::size_t longest_login = 1024;
// A tenth of the share of a thread that competes for the core: strangers cannot take the machine from what it is for, and
// a login comes about also where that needs every core. The lowest priority, 19, would be a seventieth.
constexpr int low_priority = 10;

struct NameAndPassword {
  std::string name, password;
};

char lower(char c) { return c >= 'A' && c <= 'Z' ? static_cast<char>(c - 'A' + 'a') : c; }

std::optional<NameAndPassword> parse_basic(std::string_view authorization) {
  constexpr std::string_view scheme = "basic ";
  if (authorization.size() > longest_login || authorization.size() < scheme.size()) return std::nullopt;
  const auto is_same = [](char wanted, char given) { return wanted == lower(given); };
  if (!std::equal(scheme.begin(), scheme.end(), authorization.begin(), is_same)) return std::nullopt;
  std::string code(authorization.substr(scheme.size()));
  while (!code.empty() && code.front() == ' ') code.erase(0, 1);
  std::string text(code.size() / 4 * 3 + 3, '\0');
  const int size =
      EVP_DecodeBlock(reinterpret_cast<unsigned char*>(text.data()),
                      reinterpret_cast<const unsigned char*>(code.data()), static_cast<int>(code.size()));
  if (size < 0) return std::nullopt;
  const auto padding = std::min<std::ptrdiff_t>(std::ranges::count(code, '='), 2);
  text.resize(static_cast<std::size_t>(std::max<std::ptrdiff_t>(size - padding, 0)));
  const std::size_t colon = text.find(':');
  // crypt() would end the password at a NUL, and take what stands before it.
  if (colon == std::string::npos || text.find('\0') != std::string::npos) return std::nullopt;
  return NameAndPassword{text.substr(0, colon), text.substr(colon + 1)};
}

// "$2y$10$…": the text of equal length that costs most is the greatest.
const std::string& costliest(const Users& users) {
  const auto cost = [](const Users::value_type& user) { return user.second.substr(4, 2); };
  return std::ranges::max_element(users, {}, cost)->second;
}

bool fits(const std::string& password, const std::string& hash) {
  const auto data = std::make_unique<crypt_data>();
  const char* computed = ::crypt_r(password.c_str(), hash.c_str(), data.get());
  const bool same = computed != nullptr && std::string_view(computed).size() == hash.size() &&
                    CRYPTO_memcmp(computed, hash.data(), hash.size()) == 0;
  OPENSSL_cleanse(data.get(), sizeof *data);
  return same;
}

class Counted {
 public:
  explicit Counted(std::size_t& count) : count_(count) { ++count_; }
  ~Counted() { --count_; }
  Counted(const Counted&) = delete;
  Counted& operator=(const Counted&) = delete;

 private:
  std::size_t& count_;
};

class Turn {
 public:
  Turn(bool& taken, Condition& free) : taken_(taken), free_(free) { taken_ = true; }
  ~Turn() {
    taken_ = false;
    free_.notify();
  }
  Turn(const Turn&) = delete;
  Turn& operator=(const Turn&) = delete;

 private:
  bool& taken_;
  Condition& free_;
};

}  // namespace

Logins::Logins(std::chrono::milliseconds patience) : patience_(patience) {
  if (RAND_bytes(key_.data(), static_cast<int>(key_.size())) != 1)
    throw std::runtime_error("OpenSSL has no random bytes");
}

awaitable<Login> Logins::check(const Users& users, std::string_view authorization) {
  auto given = parse_basic(authorization);
  if (!given) co_return Login::wrong;
  const Claim claim = claim_of(users, given->name, std::move(given->password));
  if (claim.known && is_remembered(claim.fingerprint)) co_return Login::good;
  if (taken_ && waiting_ >= most_waiting) co_return Login::busy;
  const Time limit = std::chrono::steady_clock::now() + patience_;
  {
    const Counted waits(waiting_);
    while (taken_ && std::chrono::steady_clock::now() < limit) co_await free_.wait(limit);
  }
  if (taken_) co_return Login::busy;
  const Turn turn(taken_, free_);
  co_return co_await compute(claim, limit);
}

Logins::Claim Logins::claim_of(const Users& users, const std::string& name, std::string password) const {
  const auto user = users.find(name);
  Claim claim;
  claim.known = user != users.end();
  claim.hash = claim.known ? user->second : costliest(users);
  claim.fingerprint = fingerprint_of(name, password, claim.hash);
  claim.password = std::move(password);
  return claim;
}

// With the hash, so that a changed password is not known any more.
Logins::Fingerprint Logins::fingerprint_of(std::string_view name, std::string_view password,
                                           std::string_view hash) const {
  std::string text;
  for (const std::string_view part : {name, password, hash}) {
    text += part;
    text += '\0';
  }
  Fingerprint fingerprint{};
  HMAC(EVP_sha256(), key_.data(), static_cast<int>(key_.size()),
       reinterpret_cast<const unsigned char*>(text.data()), text.size(), fingerprint.data(), nullptr);
  OPENSSL_cleanse(text.data(), text.size());
  return fingerprint;
}

bool Logins::is_remembered(const Fingerprint& fingerprint) const {
  bool found = false;
  for (const Fingerprint& one : good_)
    found = CRYPTO_memcmp(one.data(), fingerprint.data(), one.size()) == 0 || found;
  return found;
}

void Logins::remember(const Fingerprint& fingerprint) {
  if (good_.size() == most_remembered) good_.pop_front();
  good_.push_back(fingerprint);
}

awaitable<Login> Logins::compute(const Claim& claim, Time limit) {
  // The thread of a call that was cancelled or ran out of patience goes on; there is never more than one.
  if (running_ && co_await finish(limit) == Login::busy) co_return Login::busy;
  // Meanwhile the same login may have been found good.
  if (claim.known && is_remembered(claim.fingerprint)) co_return Login::good;
  const auto found = std::make_shared<bool>(false);
  auto work = SideWork::start("a login", [found, password = claim.password, hash = claim.hash] {
    // Fails where the service's filter of system calls lacks it; then it competes as all do.
    static_cast<void>(::setpriority(PRIO_PROCESS, static_cast<id_t>(::gettid()), low_priority));
    *found = fits(password, hash);
  });
  if (!work) co_return Login::busy;
  running_ = {*std::move(work), found, claim.known, claim.fingerprint};
  co_return co_await finish(limit);
}

// The verdict of what runs.
awaitable<Login> Logins::finish(Time limit) {
  const auto work = running_->work;
  const auto done = co_await with_timeout(work->wait(), limit - std::chrono::steady_clock::now());
  if (!done || !*done) co_return Login::busy;
  const Computation ended = *std::exchange(running_, std::nullopt);
  if (!ended.known || !*ended.fits) co_return Login::wrong;
  remember(ended.fingerprint);
  co_return Login::good;
}

}  // namespace flopwatt::prometheus
