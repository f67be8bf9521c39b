// Which retained messages about sources the broker should hold, and which of them it has not been sent yet.
#pragma once

#include <map>
#include <optional>
#include <string>
#include <vector>

#include "exporters/mqtt/messages.h"
#include "exporters/push_exporter.h"

namespace flopwatt::mqtt {

class SourceStatusMessages {
 public:
  explicit SourceStatusMessages(const std::string& base);

  /// Takes the present state of all sources; returns pending().
  bool update(const std::vector<SourceStatus>& sources);

  /// Whether something is to be published now.
  [[nodiscard]] bool pending() const;

  /// After a new connection: everything is to be published again.
  void forget_published();

  /// The next message to publish, `info` first; it counts as published from now on.
  [[nodiscard]] std::optional<Message> take();

 private:
  struct Entry {
    Topic topic;
    SourceStatus status;
    bool pending = false;
    bool removed = false;  // an empty message takes the retained one away, with every new connection
  };

  void remove_all_but(const std::vector<SourceStatus>& sources);

  std::string base_;
  Topic info_topic_;
  std::string info_;  // "" before the first update
  bool info_pending_ = false;
  std::vector<SourceStatus> sources_;
  std::map<std::string, Entry> entries_;  // by the name of the source
};

}  // namespace flopwatt::mqtt
