#include "exporters/prometheus/series_labels.h"

#include <algorithm>
#include <string_view>

#include "exporters/prometheus/page_writer.h"

namespace flopwatt::prometheus {

std::string source_labels(const Source& source) {
  std::string labels;
  switch (source.kind) {
    case SourceKind::meter:
      append_label(labels, "meter", source.name);
      break;
    case SourceKind::accelerator:
      append_label(labels, "accelerator", source.name);
      append_label(labels, "uuid", source.identity.uuid);
      break;
    case SourceKind::cpu:
      append_label(labels, "package", source.name);
      break;
    case SourceKind::scope:
    case SourceKind::work:
      append_label(labels, "scope", source.name);
      break;
    case SourceKind::window: {
      const std::size_t slash = source.name.find('/');
      append_label(labels, "scope", std::string_view(source.name).substr(0, slash));
      append_label(labels, "window", std::string_view(source.name).substr(slash + 1));
      break;
    }
  }
  return labels;
}

std::string place_label(const Identity& identity, Channel channel) {
  if (channel.place != Place::branch) return std::string(label_of(channel.place));
  const auto label = identity.branch_labels.find(channel.branch);
  return label != identity.branch_labels.end() ? label->second : std::to_string(channel.branch);
}

std::string series_labels(const Source& source, const QuantityRow& row, Channel channel) {
  std::string labels = source_labels(source);
  if (!row.place_label.empty()) append_label(labels, row.place_label, place_label(source.identity, channel));
  return labels;
}

}  // namespace flopwatt::prometheus
