#include "config/web/web_config.h"

#include <algorithm>
#include <array>
#include <span>
#include <string_view>

#include "config/yaml/map_reader.h"
#include "config/yaml/nearest.h"
#include "config/yaml/yaml_tree.h"

namespace flopwatt {
namespace {

namespace fs = std::filesystem;

constexpr std::array<std::string_view, 17> cipher_names = {
    "TLS_RSA_WITH_AES_128_CBC_SHA",
    "TLS_RSA_WITH_AES_256_CBC_SHA",
    "TLS_RSA_WITH_AES_128_GCM_SHA256",
    "TLS_RSA_WITH_AES_256_GCM_SHA384",
    "TLS_AES_128_GCM_SHA256",
    "TLS_AES_256_GCM_SHA384",
    "TLS_CHACHA20_POLY1305_SHA256",
    "TLS_ECDHE_ECDSA_WITH_AES_128_CBC_SHA",
    "TLS_ECDHE_ECDSA_WITH_AES_256_CBC_SHA",
    "TLS_ECDHE_RSA_WITH_AES_128_CBC_SHA",
    "TLS_ECDHE_RSA_WITH_AES_256_CBC_SHA",
    "TLS_ECDHE_ECDSA_WITH_AES_128_GCM_SHA256",
    "TLS_ECDHE_ECDSA_WITH_AES_256_GCM_SHA384",
    "TLS_ECDHE_RSA_WITH_AES_128_GCM_SHA256",
    "TLS_ECDHE_RSA_WITH_AES_256_GCM_SHA384",
    "TLS_ECDHE_RSA_WITH_CHACHA20_POLY1305_SHA256",
    "TLS_ECDHE_ECDSA_WITH_CHACHA20_POLY1305_SHA256",
};
constexpr std::array<std::string_view, 4> curve_names = {"CurveP256", "CurveP384", "CurveP521", "X25519"};

struct HeaderRule {
  std::string_view name;
  std::array<std::string_view, 2> values;  // all that may be written; none: any
};
constexpr std::array<HeaderRule, 5> header_rules = {{{"Strict-Transport-Security", {}},
                                                     {"X-Content-Type-Options", {"nosniff", ""}},
                                                     {"X-Frame-Options", {"deny", "sameorigin"}},
                                                     {"X-XSS-Protection", {}},
                                                     {"Content-Security-Policy", {}}}};

constexpr std::string_view guards_nothing =
    "neither tls_server_config nor basic_auth_users: whoever reaches the port reads everything";

// A hash of cost 15 takes some seconds for each login that is not known yet.
constexpr int highest_cost = 15, slow_cost = 13;

fs::path path_at(MapReader& map, std::string_view key, const fs::path& folder) {
  std::string text;
  return map.read_text(key, text) ? (folder / text).lexically_normal() : fs::path();
}

std::vector<std::string> read_names(MapReader& map, std::string_view key,
                                    std::span<const std::string_view> known) {
  std::vector<std::string> names;
  const YamlNode* node = map.find(key);
  if (node == nullptr) return names;
  for (const YamlNode& item : items_of(*node, key, map.report())) {
    const std::string* text = text_of(item, key, map.report());
    if (text == nullptr) continue;
    if (!known.empty() && std::ranges::find(known, *text) == known.end()) {
      const std::vector<std::string_view> list(known.begin(), known.end());
      map.report().error(item.at, std::string(key) + ": '" + text->substr(0, 60) + "' is not known" +
                                      suggestion(*text, list));
    } else {
      names.push_back(*text);
    }
  }
  return names;
}

void read_client_auth(MapReader& map, WebTls& tls) {
  constexpr std::array<std::pair<std::string_view, ClientAuth>, 6> kinds = {
      {{"NoClientCert", ClientAuth::none},
       {"RequestClientCert", ClientAuth::request},
       {"RequireAnyClientCert", ClientAuth::require_any},
       {"RequireClientCert", ClientAuth::require_any},  // its older name
       {"VerifyClientCertIfGiven", ClientAuth::verify_if_given},
       {"RequireAndVerifyClientCert", ClientAuth::require_and_verify}}};
  std::string text;
  if (!map.read_text("client_auth_type", text)) return;
  const auto kind =
      std::ranges::find(kinds, std::string_view(text), &std::pair<std::string_view, ClientAuth>::first);
  if (kind != kinds.end())
    tls.client_auth = kind->second;
  else
    map.report().error(map.find("client_auth_type")->at,
                       "client_auth_type: '" + text.substr(0, 60) +
                           "'; write NoClientCert, RequestClientCert, RequireAnyClientCert, "
                           "VerifyClientCertIfGiven or RequireAndVerifyClientCert");
}

void read_version(MapReader& map, std::string_view key, TlsVersion& version) {
  std::string text;
  if (!map.read_text(key, text)) return;
  const Position at = map.find(key)->at;
  const bool is_old = text == "TLS10" || text == "TLS11";
  if (text == "TLS12")
    version = TlsVersion::tls12;
  else if (text == "TLS13")
    version = TlsVersion::tls13;
  else if (is_old && key == "min_version")
    map.report().warn(at, "min_version: nothing below TLS12 is offered");
  else
    map.report().error(at, std::string(key) + ": '" + text.substr(0, 60) + "'; write TLS12 or TLS13");
}

void check_clients(const WebTls& tls, const MapReader& map) {
  Reporter& report = map.report();
  const bool verified = tls.client_auth >= ClientAuth::verify_if_given;
  if (tls.client_auth == ClientAuth::none && !tls.client_ca_file.empty())
    report.error(tls.at,
                 "client_ca_file: it has no use without client_auth_type; add client_auth_type: "
                 "RequireAndVerifyClientCert");
  if (verified && tls.client_ca_file.empty())
    report.warn(tls.at,
                "client_auth_type: without client_ca_file whoever has a certificate of an authority that "
                "this machine "
                "trusts is let in");
  if (!verified && !tls.client_allowed_sans.empty())
    report.error(tls.at,
                 "client_allowed_sans: names count only where they are verified; add client_auth_type: "
                 "RequireAndVerifyClientCert");
}

std::optional<WebTls> read_tls(const YamlNode& node, const fs::path& folder, Reporter& report) {
  MapReader map(node, "tls_server_config", report);
  WebTls tls;
  tls.at = node.at;
  tls.cert_file = path_at(map, "cert_file", folder);
  tls.key_file = path_at(map, "key_file", folder);
  tls.client_ca_file = path_at(map, "client_ca_file", folder);
  read_client_auth(map, tls);
  tls.client_allowed_sans = read_names(map, "client_allowed_sans", {});
  tls.cipher_suites = read_names(map, "cipher_suites", cipher_names);
  tls.curve_preferences = read_names(map, "curve_preferences", curve_names);
  read_version(map, "min_version", tls.min_version);
  read_version(map, "max_version", tls.max_version);
  map.read_bool("prefer_server_cipher_suites", tls.prefer_server_cipher_suites);
  const bool any =
      map.has("cert_file") || map.has("key_file") || map.has("client_auth_type") || map.has("client_ca_file");
  map.finish();
  // As exporter-toolkit: without these four there is no TLS.
  if (!any) {
    report.warn(node.at, "tls_server_config: without cert_file and key_file there is no TLS");
    return std::nullopt;
  }
  for (const char* key : {"cert_file", "key_file"})
    if (!map.has(key)) report.error(node.at, "tls_server_config needs the key '" + std::string(key) + "'");
  if (tls.min_version > tls.max_version) report.error(node.at, "min_version is above max_version");
  check_clients(tls, map);
  return tls;
}

// An HTTP header's value may hold no line break: read_text() refuses those.
void read_headers(const YamlNode& node, WebConfig& config, Reporter& report) {
  MapReader map(node, "headers", report);
  for (const HeaderRule& rule : header_rules) {
    std::string value;
    if (!map.read_text(rule.name, value)) continue;
    const bool any = rule.values.front().empty();
    if (!any && std::ranges::find(rule.values, std::string_view(value)) == rule.values.end())
      report.error(map.find(rule.name)->at,
                   std::string(rule.name) + ": write " + std::string(rule.values[0]) +
                       (rule.values[1].empty() ? "" : " or " + std::string(rule.values[1])));
    else
      config.headers.emplace_back(rule.name, value);
  }
  map.finish();
}

void read_http(const YamlNode& node, WebConfig& config, Reporter& report) {
  MapReader map(node, "http_server_config", report);
  bool http2 = false;
  if (map.read_bool("http2", http2) && http2)
    report.warn(map.find("http2")->at,
                "http2: HTTP/2 is not offered; clients fall back to HTTP/1.1 by themselves");
  if (const YamlNode* headers = map.find("headers")) read_headers(*headers, config, report);
  map.finish();
}

// "$2y$10$" and 53 characters of bcrypt's own base64. nullopt: it is none.
std::optional<int> cost_of(std::string_view hash) {
  constexpr std::size_t prefix = 7, whole = 60;
  constexpr std::string_view alphabet = "./ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789";
  if (hash.size() != whole || !hash.starts_with("$2") || hash[3] != '$' || hash[6] != '$')
    return std::nullopt;
  if (std::string_view("aby").find(hash[2]) == std::string_view::npos) return std::nullopt;
  const auto is_digit = [](char c) { return c >= '0' && c <= '9'; };
  if (!is_digit(hash[4]) || !is_digit(hash[5])) return std::nullopt;
  if (hash.find_first_not_of(alphabet, prefix) != std::string_view::npos) return std::nullopt;
  const int cost = (hash[4] - '0') * 10 + (hash[5] - '0');
  return cost >= 4 && cost <= 31 ? std::optional(cost) : std::nullopt;
}

void read_users(const YamlNode& node, WebConfig& config, Reporter& report) {
  const MapReader map(node, "basic_auth_users", report);  // reports no map, and users that are there twice
  for (const YamlEntry& entry : node.entries) {
    const std::optional<int> cost = entry.value.is_scalar() ? cost_of(entry.value.text) : std::nullopt;
    if (entry.key.empty() || entry.key.find(':') != std::string::npos)
      report.error(entry.at, "basic_auth_users: a name has at least one character, and no colon");
    else if (!cost)
      report.error(entry.at,
                   "basic_auth_users: write a bcrypt hash of the password, as htpasswd -nBC 10 USER prints "
                   "it behind the colon");
    else if (*cost > highest_cost)
      report.error(entry.at, "basic_auth_users: a cost of " + std::to_string(*cost) +
                                 " takes longer than a client waits; make the hash with a cost of 10 to 12");
    else
      config.users.emplace(entry.key, entry.value.text);
    if (cost && *cost >= slow_cost && *cost <= highest_cost)
      report.warn(entry.at,
                  "basic_auth_users: a cost of " + std::to_string(*cost) + " makes a first login take long");
  }
}

}  // namespace

WebConfig read_web_config(const std::string& text, const fs::path& folder, Reporter& report) {
  WebConfig config;
  const std::optional<YamlNode> root = parse_yaml(text, report);
  if (!root) return config;
  if (root->kind == YamlNode::Kind::null) {
    report.warn(root->at, std::string(guards_nothing));
    return config;
  }
  MapReader map(*root, "the web configuration", report);
  if (const YamlNode* node = map.find("tls_server_config")) config.tls = read_tls(*node, folder, report);
  if (const YamlNode* node = map.find("http_server_config")) read_http(*node, config, report);
  if (const YamlNode* node = map.find("basic_auth_users")) read_users(*node, config, report);
  map.finish();
  if (config.users.empty() && !map.has("tls_server_config"))
    report.warn(map.at(), std::string(guards_nothing));
  if (!config.users.empty() && !config.tls)
    report.warn(map.at(), "basic_auth_users: without tls_server_config passwords travel in plain text");
  return config;
}

}  // namespace flopwatt
