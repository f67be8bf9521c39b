#include "exporters/prometheus/readings_json.h"

#include "runtime/text/number_text.h"
#include "runtime/text/reading_json.h"

namespace flopwatt::prometheus {
namespace {

void append_source(std::string& out, const SourceState& state) {
  const bool up = state.is_up();
  append_json_string(out, state.source->name);
  out += R"(:{"kind":)";
  append_json_string(out, name_of(state.source->kind));
  out += R"(,"up":)";
  out += up ? "true" : "false";
  if (up) {
    std::string reading;
    JsonLayout(state.newest->source).append(reading, *state.newest);
    reading.front() = ',';  // its members become ours
    reading.pop_back();
    out += reading;
  }
  if (!state.last_fault.empty()) {
    out += R"(,"last_fault":)";
    append_json_string(out, state.last_fault);
  }
  out += '}';
}

}  // namespace

std::string readings_json(const Snapshot& snapshot) {
  std::string out = R"({"node":)";
  append_json_string(out, snapshot.node);
  out += R"(,"time":")";
  append_time(out, snapshot.taken.wall_us);
  out += R"(","sources":{)";
  for (const SourceState& state : snapshot.sources) {
    if (out.back() != '{') out += ',';
    append_source(out, state);
  }
  out += "}}\n";
  return out;
}

}  // namespace flopwatt::prometheus
