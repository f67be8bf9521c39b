// How a connection to the broker comes about: password and certificates are read, the guard makes the way, Paho speaks over
// it, and where nothing comes about the first bytes tell why. Metering loop.
#pragma once

#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "exporters/mqtt/connection.h"
#include "exporters/mqtt/guard/guard.h"
#include "exporters/mqtt/look.h"
#include "exporters/mqtt/negotiation.h"
#include "exporters/mqtt/password.h"
#include "exporters/mqtt/settings.h"
#include "runtime/tls/tls_setup.h"
#include "runtime/watched_files.h"

namespace flopwatt::mqtt {

class Connector {
 public:
  /// `settings` must outlive it.
  Connector(const Settings& settings, std::string client_id);

  /// As people know it: "mqtts://broker.example:8883".
  [[nodiscard]] const std::string& broker() const { return broker_; }

  /// A connection that is up; tries again at once where the broker's first answer says what it does not have. A Fault says
  /// in words why there is none. One call at a time.
  [[nodiscard]] awaitable<Result<std::shared_ptr<Connection>>> connect(Message will);

  /// Why the way of the newest connection ended, in words; "": it has not, or Paho closed it.
  [[nodiscard]] std::string why_ended() const;

  /// Returns when the certificate files hold others than the newest connection was made with; never without TLS.
  /// Certificates that were renewed are of use to a new connection only, and the broker may end the old one when the old
  /// certificate ends.
  [[nodiscard]] awaitable<void> until_certificates_change();
  [[nodiscard]] std::vector<CertificateExpiry> certificates() const;

 private:
  [[nodiscard]] awaitable<Result<std::shared_ptr<Connection>>> try_once(ConnectRequest request);
  [[nodiscard]] awaitable<Fault> explain(Fault fault, Terms asked);
  [[nodiscard]] awaitable<std::string> server_reference();
  [[nodiscard]] awaitable<Answerer> who_answered(const GuardedLink& link);

  const Settings& settings_;
  const std::string client_id_, broker_;
  std::optional<PasswordFile> password_file_;
  std::optional<WatchedFiles<TlsSetup>> tls_;  // mqtts://
  Guard guard_;
  std::shared_ptr<GuardedLink> link_;  // of the newest attempt
  Negotiation negotiation_;
  std::optional<Answerer> looked_at_;
  SteadyTime looked_at_time_{};
};

}  // namespace flopwatt::mqtt
