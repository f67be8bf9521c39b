#include "exporters/mqtt/documents.h"

#include <map>

#include "runtime/text/number_text.h"

namespace flopwatt::mqtt {
namespace {

void append_quoted_time(std::string& out, std::int64_t wall_us) {
  out += '"';
  append_time(out, wall_us);
  out += '"';
}

void append_known(std::string& out, std::string_view key, std::string_view value) {
  if (value.empty()) return;
  out += ",\"";
  out += key;
  out += "\":";
  append_json_string(out, value);
}

void append_branch_labels(std::string& out, const std::map<std::uint16_t, std::string>& labels) {
  if (labels.empty()) return;
  out += R"(,"branches":{)";
  for (const auto& [branch, label] : labels) {
    if (out.back() != '{') out += ',';
    append_json_string(out, std::to_string(branch));
    out += ':';
    append_json_string(out, label);
  }
  out += '}';
}

void append_source(std::string& out, const Source& source) {
  append_json_string(out, source.name);
  out += R"(:{"kind":)";
  append_json_string(out, name_of(source.kind));
  append_known(out, "vendor", source.identity.vendor);
  append_known(out, "model", source.identity.model);
  append_known(out, "serial", source.identity.serial);
  append_known(out, "profile", source.identity.profile);
  append_known(out, "uuid", source.identity.uuid);
  append_branch_labels(out, source.identity.branch_labels);
  out += R"(,"interval":)";
  append_number(out, std::chrono::duration<double>(source.interval).count());
  out += '}';
}

/// Of every key that a message of these sources or of any scope's window may have, sorted.
std::map<std::string, std::string_view> units_of_keys(const std::vector<SourceStatus>& sources) {
  std::map<std::string, std::string_view> units{{"interval", "s"}};
  const auto add = [&](const QuantityRow& row, Place place) {
    if (!row.json_key.empty() && !row.unit.empty()) units.emplace(json_key(row, place), row.unit);
  };
  for (const QuantityRow& row : quantity_table())
    if (row.source == SourceKind::window) add(row, Place::whole);
  for (const SourceStatus& status : sources)
    for (const Field& field : status.source->fields)
      if (const QuantityRow* row = find_row(status.source->kind, field.channel))
        add(*row, field.channel.place);
  return units;
}

}  // namespace

std::string state_document(bool online, std::int64_t connected_since_wall_us, std::string_view version) {
  std::string out =
      online ? R"({"state":"online","connected_since":)" : R"({"state":"offline","connected_since":)";
  append_quoted_time(out, connected_since_wall_us);
  out += R"(,"version":)";
  append_json_string(out, version);
  out += R"(,"schema":)";
  append_integer(out, schema);
  out += '}';
  return out;
}

std::string status_document(const SourceStatus& status) {
  std::string out = R"({"up":)";
  out += status.up ? "true" : "false";
  if (!status.up) {
    out += R"(,"fault":)";
    append_json_string(out, name_of(status.fault));
  }
  out += R"(,"since":)";
  append_quoted_time(out, status.since_wall_us);
  out += '}';
  return out;
}

std::string info_document(const std::vector<SourceStatus>& sources) {
  std::string out = R"({"sources":{)";
  for (const SourceStatus& status : sources) {
    if (out.back() == '}') out += ',';
    append_source(out, *status.source);
  }
  out += R"(},"units":{)";
  for (const auto& [key, unit] : units_of_keys(sources)) {
    if (out.back() != '{') out += ',';
    append_json_string(out, key);
    out += ':';
    append_json_string(out, unit);
  }
  out += "}}";
  return out;
}

}  // namespace flopwatt::mqtt
