#include "exporters/mqtt/routes.h"

namespace flopwatt::mqtt {
namespace {

/// First level of a kind's topics below the base; "" where there are none.
std::string_view folder_of(SourceKind kind) {
  switch (kind) {
    case SourceKind::meter:
      return "meters/";
    case SourceKind::accelerator:
      return "accelerators/";
    case SourceKind::cpu:
      return "cpus/";
    case SourceKind::window:
      return "scopes/";  // its name is "<scope>/<window>"
    case SourceKind::work:
      return "work/";
    case SourceKind::scope:
      return "";
  }
  return "";
}

}  // namespace

std::string topic_base(std::string_view prefix, std::string_view node) {
  std::string base(prefix);
  if (!base.empty()) base += '/';
  base += node;
  base += '/';
  return base;
}

std::string Routes::replay_topic(SourceKind kind, std::string_view name) const {
  const std::string_view folder = folder_of(kind);
  if (folder.empty()) return "";
  return (base_ + "replay/").append(folder).append(name);
}

const Route* Routes::find(const SourcePtr& source) {
  if (const auto known = routes_.find(source.get()); known != routes_.end()) return known->second.get();
  const std::string_view folder = folder_of(source->kind);
  if (folder.empty()) return nullptr;

  // A route keeps its source alive, so that an address names one source as long as it is a key.
  std::erase_if(routes_, [](const auto& each) { return each.second->layout.source().use_count() == 1; });
  const std::string topic = std::string(folder) + source->name;
  auto route = std::make_unique<Route>(Route{std::make_shared<const std::string>(base_ + topic),
                                             std::make_shared<const std::string>(base_ + "replay/" + topic),
                                             JsonLayout(source)});
  return routes_.emplace(source.get(), std::move(route)).first->second.get();
}

}  // namespace flopwatt::mqtt
