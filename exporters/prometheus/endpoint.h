// The Prometheus endpoint: what people, Prometheus and scripts read over HTTP. Serving loop.
//
//   /                  where to go
//   /metrics           the page of metrics_page.h in the format that the client asks for, with gzip where
//                      the client accepts it
//   /-/healthy         200 while the serving loop runs
//   /-/ready           200 once every source has been polled, the store is open and the metering loop runs
//                      its beats, else 503 and what misses
//   /api/v1/status     the JSON of status_json.h
//   /api/v1/readings   the JSON of readings_json.h
//
// A web configuration (web_guard.h) guards all of it: its TLS every connection, its users every path but /-/healthy.
#pragma once

#include <array>
#include <boost/asio/any_io_executor.hpp>
#include <boost/asio/awaitable.hpp>
#include <cstdint>
#include <functional>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "config/config.h"
#include "exporters/prometheus/logins.h"
#include "exporters/prometheus/metrics_page.h"
#include "exporters/prometheus/shared_snapshot.h"
#include "exporters/prometheus/web_guard.h"
#include "readings/result.h"
#include "runtime/http/http_server.h"

namespace flopwatt::prometheus {

class Endpoint {
 public:
  /// As AskForSnapshot, for the detail that is wanted.
  using Ask = std::function<boost::asio::awaitable<SnapshotPtr>(SnapshotDetail)>;

  /// `executor`: of the serving loop. Pages with the agent's state answer 503 while `ask` does not return.
  Endpoint(boost::asio::any_io_executor executor, const Ask& ask, HttpLimits limits = {});

  /// Listens on all of `addresses`; returns the ports that were bound. Before run().
  [[nodiscard]] Result<std::vector<std::uint16_t>> listen(const std::vector<ListenAddress>& addresses);

  /// Takes over a socket that listens already; its port. Before run().
  [[nodiscard]] Result<std::uint16_t> adopt(int descriptor) { return server_.adopt(descriptor); }

  /// What guards connections and requests from now on; its files are taken up again when they change. null: nothing.
  /// Before run(), or on its executor.
  void guard_by(std::shared_ptr<WatchedFiles<WebGuard>> guard);

  /// As HttpServer::limit_connections(). Before run(), or on its executor.
  void limit_connections(std::size_t most) { server_.limit_connections(most); }

  /// Serves the bound addresses until cancelled. To be called once, after listen().
  boost::asio::awaitable<void> run();

 private:
  boost::asio::awaitable<HttpResponse> answer(HttpRequest request);
  boost::asio::awaitable<HttpResponse> route(HttpRequest request);
  boost::asio::awaitable<void> watch_guard();
  [[nodiscard]] SnapshotPtr with_own_certificates(const SnapshotPtr& snapshot) const;
  [[nodiscard]] HttpResponse metrics(const SnapshotPtr& snapshot, const HttpRequest& request);

  using Body = std::shared_ptr<const std::string>;
  [[nodiscard]] Body page_of(const SnapshotPtr& snapshot, PageFormat format);
  [[nodiscard]] Body compressed_page_of(const SnapshotPtr& snapshot, PageFormat format,
                                        std::string_view page);
  [[nodiscard]] Body status_of(const SnapshotPtr& snapshot);
  [[nodiscard]] Body readings_of(const SnapshotPtr& snapshot);

  // The newest body of one form, and of which snapshot, as long as somebody is being sent it: requests that
  // come together share it, so that many who do not read hold one body.
  class Rendered {
   public:
    [[nodiscard]] Body of(const SnapshotPtr& wanted) const;  // null: there is none
    Body keep(const SnapshotPtr& snapshot, std::string text);

   private:
    std::weak_ptr<const Snapshot> snapshot_;
    std::weak_ptr<const std::string> body_;
  };

  // One snapshot for each SnapshotDetail.
  SharedSnapshot figures_, status_;
  MetricsPage page_;
  // One page for each PageFormat.
  std::array<Rendered, 2> pages_, compressed_pages_;
  Rendered status_body_, readings_body_;
  std::shared_ptr<WatchedFiles<WebGuard>> guard_files_;  // null: nothing guards
  std::shared_ptr<const WebGuard> guard_;                // in force
  Logins logins_;
  HttpServer server_;
};

}  // namespace flopwatt::prometheus
