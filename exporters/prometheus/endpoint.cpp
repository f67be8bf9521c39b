#include "exporters/prometheus/endpoint.h"

#include <string_view>
#include <utility>

#include "exporters/prometheus/gzip.h"
#include "exporters/prometheus/negotiation.h"
#include "exporters/prometheus/readings_json.h"
#include "exporters/prometheus/status_json.h"
#include "runtime/async.h"
#include "runtime/version.h"

namespace flopwatt::prometheus {
namespace {

HttpResponse text_response(unsigned status, std::string text) {
  return {.status = status, .body = std::make_shared<const std::string>(std::move(text)), .headers = {}};
}

HttpResponse response_of(std::string_view content_type, std::shared_ptr<const std::string> body) {
  return {.content_type = std::string(content_type), .body = std::move(body), .headers = {}};
}

// Below it the head of the response weighs as much as what gzip saves.
constexpr std::size_t smallest_compressed = 1024;

HttpResponse json_response(std::shared_ptr<const std::string> body) {
  return response_of("application/json", std::move(body));
}

HttpResponse no_snapshot() {
  HttpResponse response = text_response(
      503,
      "flopwatt's metering loop did not answer within 2 s. The agent is overloaded or stuck; see its log.\n");
  response.headers.emplace_back("Retry-After", "1");
  return response;
}

constexpr std::string_view healthy_path = "/-/healthy";

HttpResponse not_logged_in() {
  HttpResponse response = text_response(401, "Unauthorized\n");
  response.headers.emplace_back("WWW-Authenticate", "Basic realm=\"flopwatt\", charset=\"UTF-8\"");
  return response;
}

HttpResponse too_many_logins() {
  HttpResponse response = text_response(503, "Too many logins are being checked.\n");
  response.headers.emplace_back("Retry-After", "1");
  return response;
}

HttpResponse landing_page() {
  std::string page = R"(<!DOCTYPE html>
<html lang="en">
<head><meta charset="utf-8"><title>flopwatt</title></head>
<body>
<h1>flopwatt</h1>
<p>Joules per FLOP, metered at the wall. Version )";
  page += version;
  page += R"(.</p>
<ul>
<li><a href="/metrics">Metrics</a> for Prometheus</li>
<li><a href="/api/v1/status">Status</a> of sources, scopes, store and exporters (JSON)</li>
<li><a href="/api/v1/readings">Readings</a>, the newest of every source (JSON)</li>
<li><a href="/-/healthy">Healthy</a>, <a href="/-/ready">ready</a></li>
</ul>
</body>
</html>
)";
  return response_of("text/html; charset=utf-8", std::make_shared<const std::string>(std::move(page)));
}

HttpResponse readiness(const Snapshot& snapshot) {
  if (snapshot.ready) return text_response(200, "flopwatt is ready.\n");
  std::string reason;
  if (!snapshot.beating) reason += "The metering loop does not run its beats.\n";
  if (!snapshot.store.up)
    reason +=
        "The store is not open" + (snapshot.store.fault.empty() ? "" : ": " + snapshot.store.fault) + ".\n";
  std::string unpolled;
  for (const SourceState& state : snapshot.sources)
    if (state.polls == 0) unpolled += (unpolled.empty() ? "" : ", ") + state.source->name;
  if (!unpolled.empty()) reason += "Not polled yet: " + unpolled + ".\n";
  return text_response(503, "flopwatt is not ready yet.\n" + reason);
}

}  // namespace

Endpoint::Endpoint(boost::asio::any_io_executor executor, const Ask& ask, HttpLimits limits)
    : figures_([ask] { return ask(SnapshotDetail::figures); }),
      status_([ask] { return ask(SnapshotDetail::status); }),
      server_(
          std::move(executor), [this](HttpRequest request) { return answer(std::move(request)); }, limits,
          [this] { return guard_ && guard_->tls ? guard_->tls->context : nullptr; }) {}

Result<std::vector<std::uint16_t>> Endpoint::listen(const std::vector<ListenAddress>& addresses) {
  std::vector<std::uint16_t> ports;
  for (const ListenAddress& address : addresses) {
    const auto bound = server_.listen(address.host, address.port);
    if (!bound) return bound.error();
    ports.insert(ports.end(), bound->begin(), bound->end());
  }
  return ports;
}

void Endpoint::guard_by(std::shared_ptr<WatchedFiles<WebGuard>> guard) {
  guard_files_ = std::move(guard);
  guard_ = guard_files_ ? guard_files_->product() : nullptr;
}

boost::asio::awaitable<void> Endpoint::run() {
  std::vector<awaitable<void>> tasks;
  tasks.push_back(server_.run());
  tasks.push_back(watch_guard());
  co_await run_until_first_ends(std::move(tasks));
}

boost::asio::awaitable<void> Endpoint::watch_guard() {
  for (;;) {
    co_await sleep_until(std::chrono::steady_clock::now() + watch_period);
    const auto files = guard_files_;
    if (!files) continue;
    static_cast<void>(co_await files->refresh());                 // what is wrong is logged there
    if (files == guard_files_) guard_ = guard_files_->product();  // else a reload came in between
  }
}

boost::asio::awaitable<HttpResponse> Endpoint::answer(HttpRequest request) {
  const auto guard = guard_;
  Login login = Login::good;
  if (guard && !guard->config.users.empty() && request.path != healthy_path)
    login = co_await logins_.check(guard->config.users, request.authorization);
  HttpResponse response = login == Login::busy ? too_many_logins() : not_logged_in();
  if (login == Login::good) {
    auto answering = route(std::move(request));
    response = co_await std::move(answering);
  }
  if (guard)
    for (const auto& header : guard->config.headers) response.headers.push_back(header);
  co_return response;
}

boost::asio::awaitable<HttpResponse> Endpoint::route(HttpRequest request) {
  const std::string& path = request.path;
  if (path == "/") co_return landing_page();
  if (path == healthy_path) co_return text_response(200, "flopwatt is healthy.\n");
  if (path != "/metrics" && path != "/-/ready" && path != "/api/v1/status" && path != "/api/v1/readings")
    co_return text_response(404, "There is nothing here. See / for what there is.\n");

  const bool is_status = path == "/api/v1/status";
  const SnapshotPtr snapshot = co_await (is_status ? status_ : figures_).newest();
  if (!snapshot) co_return no_snapshot();
  if (is_status) co_return json_response(status_of(snapshot));
  if (path == "/-/ready") co_return readiness(*snapshot);
  if (path == "/metrics") co_return metrics(snapshot, request);
  co_return json_response(readings_of(snapshot));
}

HttpResponse Endpoint::metrics(const SnapshotPtr& snapshot, const HttpRequest& request) {
  const PageFormat format = choose_format(request.accept);
  Body body = page_of(snapshot, format);
  const bool compressed = body->size() >= smallest_compressed && accepts_gzip(request.accept_encoding);
  if (compressed) body = compressed_page_of(snapshot, format, *body);
  HttpResponse response = response_of(content_type_of(format), std::move(body));
  response.headers.emplace_back("Vary", "Accept, Accept-Encoding");
  if (compressed) response.headers.emplace_back("Content-Encoding", "gzip");
  return response;
}

Endpoint::Body Endpoint::page_of(const SnapshotPtr& snapshot, PageFormat format) {
  Rendered& rendered = pages_.at(static_cast<std::size_t>(format));
  if (Body page = rendered.of(snapshot)) return page;
  return rendered.keep(snapshot, page_.render(*with_own_certificates(snapshot), format));
}

SnapshotPtr Endpoint::with_own_certificates(const SnapshotPtr& snapshot) const {
  if (!guard_ || !guard_->tls) return snapshot;
  auto with = std::make_shared<Snapshot>(*snapshot);
  const auto& own = guard_->tls->certificates;
  with->certificates.insert(with->certificates.end(), own.begin(), own.end());
  return with;
}

Endpoint::Body Endpoint::compressed_page_of(const SnapshotPtr& snapshot, PageFormat format,
                                            std::string_view page) {
  Rendered& rendered = compressed_pages_.at(static_cast<std::size_t>(format));
  if (Body compressed = rendered.of(snapshot)) return compressed;
  return rendered.keep(snapshot, gzip(page));
}

Endpoint::Body Endpoint::status_of(const SnapshotPtr& snapshot) {
  if (Body body = status_body_.of(snapshot)) return body;
  return status_body_.keep(snapshot, status_json(*snapshot));
}

Endpoint::Body Endpoint::readings_of(const SnapshotPtr& snapshot) {
  if (Body body = readings_body_.of(snapshot)) return body;
  return readings_body_.keep(snapshot, readings_json(*snapshot));
}

Endpoint::Body Endpoint::Rendered::of(const SnapshotPtr& wanted) const {
  return snapshot_.lock() == wanted ? body_.lock() : nullptr;
}

Endpoint::Body Endpoint::Rendered::keep(const SnapshotPtr& snapshot, std::string text) {
  Body body = std::make_shared<const std::string>(std::move(text));
  snapshot_ = snapshot;
  body_ = body;
  return body;
}

}  // namespace flopwatt::prometheus
