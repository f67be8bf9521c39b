// The exporter under test on a loop of its own.
#pragma once

#include <boost/asio/bind_cancellation_slot.hpp>
#include <boost/asio/cancellation_signal.hpp>
#include <boost/asio/co_spawn.hpp>
#include <boost/asio/io_context.hpp>
#include <exception>
#include <memory>
#include <string>
#include <vector>

#include "exporters/mqtt/exporter.h"
#include "tests/unit/exporters/mqtt/mosquitto.h"
#include "tests/unit/exporters/mqtt/sets.h"

namespace flopwatt::test {

namespace asio = boost::asio;

/// A publish() under way, or its end. `sets` live here as long as the call.
struct Publication {
  std::vector<StoredSet> sets;
  asio::cancellation_signal cancel;
  bool ended = false;
  bool returned = false;   ///< else it was cancelled
  bool delivered = false;  ///< all of it
  std::vector<Fate> fates;
};

class Rig {
 public:
  explicit Rig(std::uint16_t port) : Rig(configuration(port)) {}
  explicit Rig(const mqtt::Settings& settings)
      : exporter(mqtt::make_exporter({"mqtt", "ems", ExporterSettings(settings)}, "rack-r12", "0.1.0")) {
    asio::co_spawn(loop, exporter->run(),
                   asio::bind_cancellation_slot(stop_.slot(), [this](std::exception_ptr) { ended_ = true; }));
  }
  ~Rig() { leave(); }
  Rig(const Rig&) = delete;
  Rig& operator=(const Rig&) = delete;

  static mqtt::Settings configuration(std::uint16_t port) {
    mqtt::Settings settings;
    settings.host = "127.0.0.1";
    settings.port = port;
    return settings;
  }

  /// Waits until the exporter is up.
  bool up(std::chrono::milliseconds limit = std::chrono::seconds(20)) {
    return run_until(
        loop, [this] { return exporter->up(); }, limit);
  }

  /// Ends run(), as SIGTERM does.
  void leave() {
    if (ended_) return;
    stop_.emit(asio::cancellation_type::terminal);
    run_until(loop, [this] { return ended_; });
  }

  std::shared_ptr<Publication> start(std::vector<StoredSet> sets, PushExporter::Lane lane) {
    auto publication = std::make_shared<Publication>();
    publication->sets = std::move(sets);
    auto on_end = [publication](std::exception_ptr) { publication->ended = true; };
    asio::co_spawn(loop, record(*exporter, publication, lane),
                   asio::bind_cancellation_slot(publication->cancel.slot(), std::move(on_end)));
    return publication;
  }

  /// publish() to its end, or what became of it until `limit`.
  std::shared_ptr<Publication> publish(std::vector<StoredSet> sets, PushExporter::Lane lane,
                                       std::chrono::milliseconds limit = std::chrono::seconds(20)) {
    auto publication = start(std::move(sets), lane);
    run_until(
        loop, [&] { return publication->ended; }, limit);
    return publication;
  }

  asio::io_context loop{1};
  std::unique_ptr<PushExporter> exporter;

 private:
  static asio::awaitable<void> record(PushExporter& exporter, std::shared_ptr<Publication> publication,
                                      PushExporter::Lane lane) {
    publication->fates.resize(publication->sets.size());
    co_await exporter.publish(publication->sets, lane, publication->fates);
    publication->returned = true;
    publication->delivered =
        std::ranges::all_of(publication->fates, [](Fate fate) { return fate == Fate::delivered; });
  }

  asio::cancellation_signal stop_;
  bool ended_ = false;
};

}  // namespace flopwatt::test
