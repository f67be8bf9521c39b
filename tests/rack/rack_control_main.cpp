// `rack-control`: switches faults of a running rack and prints its truth.
#include <cstdlib>
#include <iostream>

#include "commands.h"

namespace {

constexpr const char* kUsage =
    "usage: rack-control --state=FILE meter NAME|all FAULT [on|off|N]\n"
    "       rack-control --state=FILE gpu INDEX|all FAULT [on|off|once]\n"
    "       rack-control --state=FILE clear | status\n"
    "       rack-control --state=FILE truth [--from=T] [--until=T] [--at=T] [--gpus=0,1] [--meters=a,b]\n";

}  // namespace

int main(int argc, char** argv) {
  try {
    const rack::Words arguments(argv + 1, argv + argc);
    const std::string flag = "--state=";
    if (arguments.size() < 2 || !arguments[0].starts_with(flag)) throw std::invalid_argument(kUsage);
    const rack::StatePtr state = rack::open_state(arguments[0].substr(flag.size()));
    const rack::Load load = rack::load_file(state->load_path.data());
    const rack::Words words(arguments.begin() + 1, arguments.end());
    std::cout << boost::json::serialize(rack::execute(words, load, *state)) << '\n';
    return EXIT_SUCCESS;
  } catch (const std::exception& error) {
    std::cerr << "rack-control: " << error.what() << '\n';
    return EXIT_FAILURE;
  }
}
