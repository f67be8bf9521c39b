#include "agent/commands/read/report.h"

#include <algorithm>
#include <boost/json/value.hpp>

#include "runtime/text/number_text.h"

namespace flopwatt::commands {
namespace {

namespace json = boost::json;

/// Numbers as everywhere else; FLOP with an exponent. boost::json writes 700 as 7E2.
void append_json(std::string& out, std::string_view key, const json::value& value) {
  if (value.is_object()) {
    out += '{';
    for (const auto& [name, inside] : value.get_object()) {
      if (out.back() != '{') out += ',';
      append_json_string(out, name);
      out += ':';
      append_json(out, name, inside);
    }
    out += '}';
  } else if (value.is_array()) {
    out += '[';
    for (const json::value& inside : value.get_array()) {
      if (out.back() != '[') out += ',';
      append_json(out, "", inside);
    }
    out += ']';
  } else if (value.is_string()) {
    append_json_string(out, value.get_string());
  } else if (value.is_bool()) {
    out += value.get_bool() ? "true" : "false";
  } else if (value.is_number()) {
    const auto number = value.to_number<double>();
    key.starts_with("flop") ? append_with_exponent(out, number) : append_number(out, number);
  } else {
    out += "null";
  }
}

}  // namespace

bool Report::all_good() const { return troubles.empty() && std::ranges::all_of(sources, &SourceReport::up); }

const json::value* find_figure(const json::object& figures, const std::string& key) {
  const auto dot = key.find('.');
  if (dot == std::string::npos) return figures.if_contains(key);
  const json::value* inside = figures.if_contains(key.substr(0, dot));
  return inside == nullptr || !inside->is_object() ? nullptr
                                                   : find_figure(inside->get_object(), key.substr(dot + 1));
}

std::string json_text(const Report& report) {
  json::object sources;
  for (const SourceReport& source : report.sources) {
    json::object object{{"kind", name_of(source.kind)}, {"up", source.up()}};
    if (source.from_agent) object["from"] = "agent";
    if (source.age_s) object["age_s"] = *source.age_s;
    if (!source.up()) object["fault"] = json::string(source.fault);
    for (const auto& [key, value] : source.figures) object[key] = value;
    json::object missing;
    for (const Missing& one : source.missing) missing[one.key] = json::string(one.reason);
    object["missing"] = std::move(missing);
    if (!source.contradictions.empty())
      object["contradictions"] = json::array(source.contradictions.begin(), source.contradictions.end());
    sources[source.name] = std::move(object);
  }
  std::string text;
  json::object all{{"sources", std::move(sources)}};
  if (!report.scopes.empty()) all["scopes"] = scopes_json(report.scopes);
  append_json(text, "", all);
  return text + '\n';
}

}  // namespace flopwatt::commands
