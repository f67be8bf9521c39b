#include "agent/commands/export/json_lines.h"

#include <algorithm>
#include <array>
#include <unordered_map>

#include "runtime/text/number_text.h"
#include "runtime/text/reading_json.h"

namespace flopwatt::commands {
namespace {

// What does not change from set to set.
struct Line {
  explicit Line(const SourcePtr& source) : layout(source) {
    start = R"({"source":)";
    append_json_string(start, source->name);
    start += R"(,"kind":)";
    append_json_string(start, name_of(source->kind));
  }

  std::string start;
  JsonLayout layout;
};

// `*` of the table's key stands for "" or "_" and the place.
bool fits(std::string_view key, std::string_view name) {
  const std::size_t star = key.find('*');
  if (star == std::string_view::npos) return key == name;
  return name.size() + 1 >= key.size() && name.starts_with(key.substr(0, star)) &&
         name.ends_with(key.substr(star + 1));
}

}  // namespace

bool is_json_key(std::string_view name) {
  constexpr auto others =
      std::to_array<std::string_view>({"source", "kind", "seq", "time", "start", "uuid", "branches"});
  return std::ranges::find(others, name) != others.end() ||
         std::ranges::any_of(quantity_table(), [&](const QuantityRow& row) {
           return !row.json_key.empty() && fits(row.json_key, name);
         });
}

Result<Losses> export_json_lines(const Job& job) {
  std::string added;
  for (const AddedLabel& label : job.labels) {
    added += ",\"" + label.name + "\":";
    append_json_string(added, label.value);
  }
  std::string& out = job.out.text();
  std::unordered_map<std::int64_t, Line> lines;
  return export_each(job, [&](const store::Reader::Item& item) {
    const Line& line = lines.try_emplace(item.row.source, item.set.source).first->second;
    out += line.start;
    out += added;
    const std::size_t object = out.size();
    line.layout.append(out, item.set, item.row.seq);
    out[object] = ',';  // its members go on in ours
    out += '\n';
  });
}

}  // namespace flopwatt::commands
