#include "tests/monte_carlo/arguments.h"

#include <cstdio>
#include <cstdlib>
#include <sstream>

namespace flopwatt::monte_carlo {
namespace {

GainModel gain_model(const std::string& text) {
  if (text == "uniform") return GainModel::uniform;
  if (text == "normal") return GainModel::normal;
  if (text == "independent") return GainModel::independent;
  fail_argument(text);
}

std::vector<GainModel> gain_models(const std::string& text) {
  std::vector<GainModel> models;
  std::istringstream stream(text);
  for (std::string one; std::getline(stream, one, ',');) models.push_back(gain_model(one));
  if (models.empty()) fail_argument("--gain");
  return models;
}

PhaseModel phase_model(const std::string& text) {
  if (text == "moving") return PhaseModel::moving;
  if (text == "golden") return PhaseModel::golden;
  if (text == "fixed") return PhaseModel::fixed;
  fail_argument(text);
}

void read_argument(const std::string& key, const std::string& value, Arguments& arguments) {
  if (key == "--racks")
    arguments.racks = std::atoi(value.c_str());
  else if (key == "--long")
    arguments.long_racks = std::atoi(value.c_str());
  else if (key == "--again")
    arguments.racks_again = std::atoi(value.c_str());
  else if (key == "--seed")
    arguments.seed = std::strtoull(value.c_str(), nullptr, 10);
  else if (key == "--gain")
    arguments.gains = gain_models(value);
  else if (key == "--phase")
    arguments.phase = phase_model(value);
  else if (key == "--cells")
    arguments.cells = value;
  else if (key == "--least")
    arguments.least = value;
  else if (key == "--figures")
    arguments.figures = value;
  else
    fail_argument(key);
}

}  // namespace

void fail_argument(const std::string& argument) {
  std::fprintf(stderr, "monte_carlo: wrong argument %s; see tests/monte_carlo/main.cpp\n", argument.c_str());
  std::exit(2);
}

Arguments read_arguments(int count, char** texts) {
  Arguments arguments;
  for (int i = 1; i < count; ++i) {
    const std::string text = texts[i];
    const std::size_t equals = text.find('=');
    if (equals == std::string::npos) fail_argument(text);
    read_argument(text.substr(0, equals), text.substr(equals + 1), arguments);
  }
  if (arguments.racks < 1) fail_argument("--racks");
  return arguments;
}

}  // namespace flopwatt::monte_carlo
