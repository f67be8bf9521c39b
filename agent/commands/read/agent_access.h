// How a command gets into an agent that a web configuration guards: the flags --ca-file, --cert-file, --key-file,
// --username and --password-file.
#pragma once

#include <boost/asio/ssl/context.hpp>
#include <filesystem>
#include <memory>
#include <string>

#include "readings/result.h"

namespace flopwatt::commands {

/// As written on the command line; "" = not given.
struct AccessArguments {
  std::string ca_file, cert_file, key_file, username, password_file;
};

struct AgentAccess {
  std::shared_ptr<boost::asio::ssl::context> tls{};  ///< null: the agent speaks plain HTTP
  bool by_name = false;                              ///< its certificate has to be for the host that is asked
  std::string authorization{};                       ///< "" where no user is given
};

/// For an agent with this web configuration, which says whether it speaks TLS; "": none. Without --ca-file the certificate
/// that it shows must be the one of its cert_file. A Fault: a file cannot be used, or a flag lacks its other. Blocks.
[[nodiscard]] Result<AgentAccess> make_access(const AccessArguments& arguments,
                                              const std::filesystem::path& web_config);

}  // namespace flopwatt::commands
