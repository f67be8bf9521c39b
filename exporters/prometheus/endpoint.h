// The Prometheus endpoint: what people, Prometheus and scripts read over HTTP. Serving loop.
//
//   /metrics         the page of metrics_page.h
//   /-/healthy       200 while the serving loop runs
//   /-/ready         200 once every source has been polled and the store is open, else 503 and what is
//   missing /api/v1/status   the JSON of status_json.h /                where to go
#pragma once

#include <boost/asio/any_io_executor.hpp>
#include <boost/asio/awaitable.hpp>
#include <cstdint>
#include <memory>
#include <string>
#include <vector>

#include "config/config.h"
#include "exporters/prometheus/metrics_page.h"
#include "exporters/prometheus/snapshot_desk.h"
#include "readings/result.h"
#include "runtime/http_server.h"

namespace flopwatt::exposition {

class Endpoint {
 public:
  /// `executor`: of the serving loop. What shows the agent's state answers 503 while `ask` does not deliver.
  Endpoint(boost::asio::any_io_executor executor, AskForSnapshot ask, HttpLimits limits = {});

  /// Listens on all of `addresses`; returns the ports that were bound. Before run().
  [[nodiscard]] Result<std::vector<std::uint16_t>> listen(const std::vector<ListenAddress>& addresses);

  /// Serves until cancelled.
  boost::asio::awaitable<void> run() { return server_.run(); }

 private:
  boost::asio::awaitable<HttpResponse> answer(HttpRequest request);
  [[nodiscard]] std::shared_ptr<const std::string> page_of(const SnapshotPtr& snapshot);

  SnapshotDesk desk_;
  MetricsPage page_;
  // The newest page, and of which snapshot, as long as somebody is being sent it: scrapes that come together
  // share it.
  std::weak_ptr<const Snapshot> rendered_snapshot_;
  std::weak_ptr<const std::string> rendered_page_;
  HttpServer server_;
};

}  // namespace flopwatt::exposition
