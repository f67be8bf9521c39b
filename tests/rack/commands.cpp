#include "commands.h"

#include <charconv>
#include <cmath>
#include <numeric>
#include <optional>
#include <sstream>
#include <stdexcept>

#include "report.h"

namespace rack {
namespace {

// Decimal Unix seconds with all their digits: a double would lose some.
std::int64_t nanoseconds_of(const std::string& text) {
  const std::size_t dot = text.find('.');
  std::string digits = dot == std::string::npos ? "" : text.substr(dot + 1);
  digits.resize(9, '0');
  const std::string whole = text.substr(0, dot) + digits;
  std::int64_t value = 0;
  const auto [end, error] = std::from_chars(whole.data(), whole.data() + whole.size(), value);
  if (error != std::errc() || end != whole.data() + whole.size())
    throw std::invalid_argument("a time is Unix seconds, +seconds since the start, start or now, not " +
                                text);
  return value;
}

double seconds_of(const std::string& text, const RackState& state) {
  if (text == "start") return 0;
  if (text == "now") return state.now();
  if (text.starts_with('+')) return static_cast<double>(nanoseconds_of(text.substr(1))) * 1e-9;
  return static_cast<double>(nanoseconds_of(text) - state.start_realtime_ns) * 1e-9;
}

Words split(const std::string& list) {
  Words items;
  std::istringstream stream(list);
  for (std::string item; std::getline(stream, item, ',');) items.push_back(item);
  return items;
}

std::vector<std::size_t> gpus_of(const std::string& list, const Load& load) {
  std::vector<std::size_t> indices;
  for (const std::string& item : split(list)) {
    std::size_t index = 0;
    const auto [end, error] = std::from_chars(item.data(), item.data() + item.size(), index);
    if (error != std::errc() || *end != '\0' || index >= load.gpus.size())
      throw std::invalid_argument("there is no GPU " + item);
    indices.push_back(index);
  }
  return indices;
}

std::vector<std::size_t> meters_of(const std::string& list, const Load& load) {
  std::vector<std::size_t> indices;
  for (const std::string& item : split(list)) {
    std::size_t index = 0;
    while (index < load.meters.size() && load.meters[index].name != item) ++index;
    if (index == load.meters.size()) throw std::invalid_argument("there is no meter " + item);
    indices.push_back(index);
  }
  return indices;
}

std::vector<std::size_t> every(std::size_t count) {
  std::vector<std::size_t> indices(count);
  std::iota(indices.begin(), indices.end(), std::size_t{0});
  return indices;
}

boost::json::object truth(const Words& words, const Load& load, const RackState& state) {
  Selection selection{every(load.meters.size()), every(load.gpus.size())};
  double from = 0;
  double until = state.now();
  std::optional<double> at;
  for (std::size_t i = 1; i < words.size(); ++i) {
    const std::size_t equals = words[i].find('=');
    const std::string key = words[i].substr(0, equals);
    const std::string value = equals == std::string::npos ? "" : words[i].substr(equals + 1);
    if (key == "--from")
      from = seconds_of(value, state);
    else if (key == "--until")
      until = seconds_of(value, state);
    else if (key == "--at")
      at = seconds_of(value, state);
    else if (key == "--gpus")
      selection.gpus = gpus_of(value, load);
    else if (key == "--meters")
      selection.meters = meters_of(value, load);
    else
      throw std::invalid_argument("truth takes --from= --until= --at= --gpus= --meters=, not " + words[i]);
  }
  if (at) return truth_at(load, state, selection, *at);
  return truth_between(load, state, selection, from, until);
}

}  // namespace

boost::json::object execute(const Words& words, const Load& load, RackState& state) {
  const std::string command = words.empty() ? "" : words.front();
  if (command == "truth") return truth(words, load, state);
  if (command == "status") return active_faults(load, state);
  if (command == "meter")
    switch_meter(words, load, state);
  else if (command == "gpu")
    switch_gpu(words, load, state);
  else if (command == "clear")
    clear_faults(state);
  else
    throw std::invalid_argument("the commands are meter, gpu, clear, status and truth");
  return {{"ok", true}, {"at", static_cast<double>(realtime_ns()) * 1e-9}};
}

Words words_of(const std::string& line) {
  std::istringstream stream(line);
  Words words;
  for (std::string word; stream >> word;) words.push_back(word);
  return words;
}

}  // namespace rack
