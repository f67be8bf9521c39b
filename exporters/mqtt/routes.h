// Where the reading sets of a source go and how they are written.
#pragma once

#include <memory>
#include <string>
#include <string_view>
#include <unordered_map>

#include "readings/source.h"
#include "runtime/text/reading_json.h"

namespace flopwatt::mqtt {

/// Topics are made once and shared with the messages in flight.
using Topic = std::shared_ptr<const std::string>;

/// "<prefix>/<node>/", the beginning of every topic.
[[nodiscard]] std::string topic_base(std::string_view prefix, std::string_view node);

struct Route {
  Topic live;    ///< "<base>meters/<meter>", or the folder of another kind of source
  Topic replay;  ///< the same under "<base>replay/"
  JsonLayout layout;
};

/// The routes of all sources that are published; a route is made when its source is first seen, and removed
/// once nobody else holds the source.
class Routes {
 public:
  explicit Routes(std::string base) : base_(std::move(base)) {}

  /// The route of the source, valid while its holder keeps the source; nullptr where its sets are not
  /// published (a scope's running figures).
  [[nodiscard]] const Route* find(const SourcePtr& source);

  /// The topic below "replay/" of such a source; "" where its sets are not published.
  [[nodiscard]] std::string replay_topic(SourceKind kind, std::string_view name) const;

  [[nodiscard]] std::size_t size() const { return routes_.size(); }

 private:
  std::string base_;
  std::unordered_map<const Source*, std::unique_ptr<Route>> routes_;
};

}  // namespace flopwatt::mqtt
