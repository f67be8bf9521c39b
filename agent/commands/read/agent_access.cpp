#include "agent/commands/read/agent_access.h"

#include <openssl/evp.h>

#include <optional>
#include <utility>

#include "config/web/web_config.h"
#include "runtime/small_file.h"
#include "runtime/tls/tls_setup.h"

namespace flopwatt::commands {
namespace {

Fault access_fault(std::string message) { return {FaultClass::connection, std::move(message), 0}; }

std::string base64_of(const std::string& text) {
  std::string code((text.size() + 2) / 3 * 4 + 1, '\0');
  const int size =
      EVP_EncodeBlock(reinterpret_cast<unsigned char*>(code.data()),
                      reinterpret_cast<const unsigned char*>(text.data()), static_cast<int>(text.size()));
  code.resize(static_cast<std::size_t>(size));
  return code;
}

Result<std::string> authorization_of(const AccessArguments& arguments) {
  if (arguments.username.empty() != arguments.password_file.empty())
    return access_fault("--username and --password-file come together");
  if (arguments.username.empty()) return std::string();
  constexpr std::size_t longest = std::size_t{64} << 10;
  SmallFile file = read_small_file(arguments.password_file, longest);
  if (!file.failure.empty())
    return access_fault("--password-file " + arguments.password_file + ": " + file.failure);
  while (!file.text.empty() && (file.text.back() == '\n' || file.text.back() == '\r')) file.text.pop_back();
  return "Basic " + base64_of(arguments.username + ":" + file.text);
}

// What the agent's web configuration says of its TLS, as far as this user may read it.
std::optional<WebTls> web_tls_of(const std::filesystem::path& path) {
  if (path.empty()) return std::nullopt;
  const SmallFile file = read_small_file(path, max_web_config_bytes);
  std::vector<Finding> ignored;
  Reporter report(ignored, path.string());
  return read_web_config(file.text, path.parent_path(), report).tls;
}

}  // namespace

Result<AgentAccess> make_access(const AccessArguments& arguments, const std::filesystem::path& web_config) {
  AgentAccess access;
  auto authorization = authorization_of(arguments);
  if (!authorization) return authorization.error();
  access.authorization = *std::move(authorization);
  if (arguments.cert_file.empty() != arguments.key_file.empty())
    return access_fault("--cert-file and --key-file come together");
  const auto web = web_tls_of(web_config);
  if (!web) return access;
  TlsSettings settings;
  settings.pinned = arguments.ca_file.empty();
  settings.files = {settings.pinned ? web->cert_file : std::filesystem::path(arguments.ca_file),
                    arguments.cert_file, arguments.key_file};
  const auto loaded = load_tls(settings);
  if (!loaded.product) return loaded.product.error();
  access.tls = (*loaded.product)->context;
  access.by_name = !settings.pinned;
  return access;
}

}  // namespace flopwatt::commands
