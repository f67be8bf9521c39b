#include "agent/commands/read/running_agent.h"

#include <algorithm>
#include <boost/asio/ip/tcp.hpp>
#include <cmath>
#include <ctime>
#include <map>
#include <utility>

#include "drivers/modbus/meter.h"
#include "runtime/http/http_client.h"
#include "runtime/text/json_parse.h"

namespace flopwatt::commands {
namespace {

namespace json = boost::json;
using asio::ip::tcp;

constexpr HttpClientLimits limits{.deadline = std::chrono::milliseconds(2'000)};

std::string text_at(const json::object& object, std::string_view key) {
  const json::value* value = object.if_contains(key);
  return value != nullptr && value->is_string() ? std::string(value->get_string()) : "";
}

/// Where this machine reaches what listens at `address`.
std::vector<tcp::endpoint> endpoints_of(const ListenAddress& address, asio::io_context& loop) {
  const std::string port = std::to_string(address.port);
  std::vector<tcp::endpoint> endpoints;
  boost::system::error_code error;
  tcp::resolver resolver(loop);
  // An empty host resolves to the loopback addresses, as does one that stands for all addresses.
  const auto number = asio::ip::make_address(address.host, error);
  const bool all = address.host.empty() || (!error && number.is_unspecified());
  if (!all && !error) return {{number, address.port}};
  if (all)
    return {{asio::ip::address_v4::loopback(), address.port},
            {asio::ip::address_v6::loopback(), address.port}};
  for (const auto& found : resolver.resolve(address.host, port, error)) endpoints.push_back(found.endpoint());
  return endpoints;
}

/// Seconds since 1970 of "2026-11-23T12:44:01.250Z"; nullopt where it is none.
std::optional<double> seconds_of(const std::string& time) {
  std::tm utc{};
  const char* const rest = ::strptime(time.c_str(), "%Y-%m-%dT%H:%M:%S", &utc);
  if (rest == nullptr) return std::nullopt;
  const double fraction = *rest == '.' ? std::strtod(rest, nullptr) : 0.0;
  return static_cast<double>(::timegm(&utc)) + fraction;
}

std::optional<double> age_of(const RunningAgent& agent, const json::object& state) {
  const auto told = seconds_of(agent.time);
  const auto read = seconds_of(text_at(state, "last_reading"));
  if (!told || !read) return std::nullopt;
  return std::round((*told - *read) * 1000) / 1000;
}

SourceReport report_of(const RunningAgent& agent, std::string name, const json::object& state,
                       const Source& source) {
  SourceReport report;
  report.name = std::move(name);
  report.kind = source.kind;
  report.from_agent = true;
  report.keys = daemon::keys_of(source.kind, source.fields);
  const json::value* up = state.if_contains("up");
  if (up != nullptr && up->is_bool() && up->get_bool()) {
    if (const json::value* reading = state.if_contains("reading"); reading != nullptr && reading->is_object())
      report.figures = reading->get_object();
    report.age_s = age_of(agent, state);
  } else {
    const std::string fault = text_at(state, "last_fault");
    report.fault = fault.empty() ? "the running agent has no reading of it that is not stale" : fault;
  }
  const json::value* missing = state.if_contains("missing");
  const auto reason_of = [&](const std::string& key) {
    if (!report.up()) return report.fault;
    std::string reason =
        missing != nullptr && missing->is_object() ? text_at(missing->get_object(), key) : "";
    return reason.empty() ? "the running agent has no value for it" : reason;
  };
  for (const Key& key : report.keys)
    if (find_figure(report.figures, key.text) == nullptr)
      report.missing.push_back({key.text, reason_of(key.text)});
  if (const auto told = agent.contradictions.find(report.name); told != agent.contradictions.end())
    report.contradictions = told->second;
  return report;
}

/// What the agent's scopes tell, each once, though a source may count in several scopes. A branch's is told at
/// its meter.
std::map<std::string, std::vector<std::string>> contradictions_in(const json::object& status) {
  std::map<std::string, std::vector<std::string>> by_source;
  const json::value* scopes = status.if_contains("scopes");
  if (scopes == nullptr || !scopes->is_object()) return by_source;
  for (const auto& [scope, state] : scopes->get_object()) {
    const json::value* all = state.is_object() ? state.get_object().if_contains("contradictions") : nullptr;
    if (all == nullptr || !all->is_object()) continue;
    for (const auto& [source, why] : all->get_object()) {
      if (!why.is_string()) continue;
      const std::string name(source);
      const auto slash = name.find('/');
      std::string text(why.get_string());
      if (slash != std::string::npos) text.insert(0, "branch " + name.substr(slash + 1) + ": ");
      auto& texts = by_source[name.substr(0, slash)];
      if (std::ranges::find(texts, text) == texts.end()) texts.push_back(std::move(text));
    }
  }
  return by_source;
}

json::object scopes_in(const json::object& status) {
  const json::value* scopes = status.if_contains("scopes");
  return scopes != nullptr && scopes->is_object() ? scopes->get_object() : json::object();
}

/// Name of the vendor of an accelerator; "" where it is none of `vendors`.
std::string_view vendor_of(std::span<const accelerators::Vendor> vendors, const json::object& state) {
  const std::string title = text_at(state, "vendor");
  for (const accelerators::Vendor& vendor : vendors)
    if (vendor.keys.title == title) return vendor.keys.name;
  return "";
}

/// On the loopback nobody stands in between, and no certificate names it.
HttpTarget target_of(const ListenAddress& address, std::vector<tcp::endpoint> endpoints,
                     const std::string& where, const AgentAccess& access) {
  const bool is_loopback = std::ranges::all_of(
      endpoints, [](const tcp::endpoint& endpoint) { return endpoint.address().is_loopback(); });
  HttpTarget target{std::move(endpoints), where, "/api/v1/status"};
  target.tls = access.tls;
  if (access.by_name && !is_loopback) target.tls_host = address.host;
  target.authorization = access.authorization;
  return target;
}

}  // namespace

std::optional<RunningAgent> parse_status(std::string_view body, const std::string& where,
                                         const std::string& node, std::vector<std::string>& notes) {
  boost::system::error_code error;
  const json::value value = parse_json(body, error);
  const json::value* sources =
      error || !value.is_object() ? nullptr : value.get_object().if_contains("sources");
  if (sources == nullptr || !sources->is_object()) {
    notes.push_back(where + " answers, but not as an agent does: it is not asked for readings");
    return std::nullopt;
  }
  const std::string answered = text_at(value.get_object(), "node");
  if (answered != node) {
    notes.push_back("the agent at " + where + " is that of node " + answered + ", not of " + node +
                    ": its readings are not shown");
    return std::nullopt;
  }
  return RunningAgent{where, sources->get_object(), contradictions_in(value.get_object()),
                      text_at(value.get_object(), "time"), scopes_in(value.get_object())};
}

awaitable<std::optional<RunningAgent>> ask_running_agent(const Config& config, const AgentAccess& access,
                                                         std::vector<std::string>& notes) {
  if (!config.prometheus.enabled) co_return std::nullopt;
  asio::io_context names;
  for (const ListenAddress& address : config.prometheus.listen) {
    const std::string where = address.host.empty() ? "localhost" + address.text() : address.text();
    HttpTarget target = target_of(address, endpoints_of(address, names), where, access);
    const auto answer = co_await http_get(std::move(target), limits);
    if (!answer) {
      if (answer.error().fault_class != FaultClass::connection)
        notes.push_back("asking for a running agent: " + answer.error().message);
      continue;
    }
    if (answer->status == 401)
      notes.push_back(where + (access.authorization.empty()
                                   ? " asks for a user: give --username and --password-file"
                                   : " does not know this user or password"));
    else if (answer->status != 200)
      notes.push_back(where + " answers with HTTP status " + std::to_string(answer->status) +
                      ": a running agent there cannot be asked");
    else if (auto agent = parse_status(answer->body, where, config.node, notes))
      co_return agent;
  }
  co_return std::nullopt;
}

std::vector<SourceReport> take_from(const RunningAgent& agent, std::span<const accelerators::Vendor> vendors,
                                    Config& config) {
  std::vector<SourceReport> reports;
  std::erase_if(config.meters, [&](const MeterConfig& meter) {
    const json::value* state = agent.sources.if_contains(meter.name);
    if (state == nullptr || !state->is_object()) return false;
    SourceReport report = report_of(agent, meter.name, state->get_object(), *modbus::make_source(meter, {}));
    report.description =
        meter.profile.vendor + (meter.profile.vendor.empty() ? "" : " ") + meter.profile.model;
    reports.push_back(std::move(report));
    return true;
  });
  const std::map<std::string, AcceleratorConfig, std::less<>> asked_for = config.accelerators;
  Source accelerator;
  accelerator.kind = SourceKind::accelerator;
  for (const auto& [name, state] : agent.sources) {
    if (!state.is_object() || text_at(state.get_object(), "kind") != name_of(SourceKind::accelerator))
      continue;
    const auto settings = asked_for.find(vendor_of(vendors, state.get_object()));
    if (settings == asked_for.end() || !settings->second.enabled) continue;
    reports.push_back(report_of(agent, name, state.get_object(), accelerator));
    config.accelerators[settings->first].enabled = false;  // its library is asked by that agent
  }
  return reports;
}

}  // namespace flopwatt::commands
