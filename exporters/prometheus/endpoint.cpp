#include "exporters/prometheus/endpoint.h"

#include <string_view>
#include <utility>

#include "exporters/prometheus/page_writer.h"
#include "exporters/prometheus/status_json.h"
#include "runtime/version.h"

namespace flopwatt::exposition {
namespace {

HttpResponse text_response(unsigned status, std::string text) {
  return {.status = status, .body = std::make_shared<const std::string>(std::move(text)), .headers = {}};
}

HttpResponse response_of(std::string_view content_type, std::shared_ptr<const std::string> body) {
  return {.content_type = std::string(content_type), .body = std::move(body), .headers = {}};
}

HttpResponse no_snapshot() {
  HttpResponse response = text_response(
      503,
      "flopwatt's metering loop did not answer within 2 s. The agent is overloaded or stuck; see its log.\n");
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

Endpoint::Endpoint(boost::asio::any_io_executor executor, AskForSnapshot ask, HttpLimits limits)
    : desk_(std::move(ask)),
      server_(
          std::move(executor), [this](HttpRequest request) { return answer(std::move(request)); }, limits) {}

Result<std::vector<std::uint16_t>> Endpoint::listen(const std::vector<ListenAddress>& addresses) {
  std::vector<std::uint16_t> ports;
  for (const ListenAddress& address : addresses) {
    const auto bound = server_.listen(address.host, address.port);
    if (!bound) return bound.error();
    ports.insert(ports.end(), bound->begin(), bound->end());
  }
  return ports;
}

boost::asio::awaitable<HttpResponse> Endpoint::answer(HttpRequest request) {
  const std::string& path = request.path;
  if (path == "/") co_return landing_page();
  if (path == "/-/healthy") co_return text_response(200, "flopwatt is healthy.\n");
  if (path != "/metrics" && path != "/-/ready" && path != "/api/v1/status")
    co_return text_response(404, "There is nothing here. See / for what there is.\n");

  const SnapshotPtr snapshot = co_await desk_.newest();
  if (!snapshot) co_return no_snapshot();
  if (path == "/-/ready") co_return readiness(*snapshot);
  if (path == "/metrics") co_return response_of(classic_content_type, page_of(snapshot));
  co_return response_of("application/json", std::make_shared<const std::string>(status_json(*snapshot)));
}

std::shared_ptr<const std::string> Endpoint::page_of(const SnapshotPtr& snapshot) {
  auto page = rendered_page_.lock();
  if (page && rendered_snapshot_.lock() == snapshot) return page;
  page = std::make_shared<const std::string>(page_.render(*snapshot));
  rendered_page_ = page;
  rendered_snapshot_ = snapshot;
  return page;
}

}  // namespace flopwatt::exposition
