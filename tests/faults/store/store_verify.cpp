// Reads all of a store as the agent would and checks it:
//   store_verify PATH
// Every set must be readable, follow the one before it (without a gap but for a jump of the numbering, which
// the store itself tells from a missing set), and hold what store_writer put into it.
// Prints the first seq and one more than the last (0 0: no rows); what is wrong goes to standard error, exit code 3.
#include <cstdio>
#include <string>

#include "agent/store/store.h"
#include "runtime/clock.h"

namespace {

using namespace flopwatt;

int fail(const std::string& message) {
  std::fprintf(stderr, "%s\n", message.c_str());
  return 3;
}

int verify(const std::string& path) {
  store::Settings settings;
  settings.path = path;
  settings.exporters = {"ems"};
  settings.first_seq = static_cast<std::uint64_t>(now().wall_us);
  auto opened = store::Store::open(settings);
  if (!opened) return fail(opened.error().message);
  store::Store& store = **opened;
  const std::uint64_t next_seq = store.opened().next_seq;
  if (!store.opened().set_aside.empty()) return fail("set aside " + store.opened().set_aside);

  std::uint64_t first = 0;
  std::uint64_t seq = 0;
  while (seq < next_seq) {
    const auto sets = store.read({seq, next_seq - 1}, 1'000);
    if (!sets) return fail(sets.error().message);
    if (sets->empty()) break;
    for (const StoredSet& stored : *sets) {
      if (first == 0) first = stored.seq;
      if (stored.seq < seq) return fail("seq " + std::to_string(stored.seq) + " is out of order");
      seq = stored.seq;
      if (stored.set.values.at(0) != static_cast<double>(seq))
        return fail("seq " + std::to_string(seq) + " names another set");
      ++seq;
    }
  }
  if (first != 0 && store.opened().totals.at("last_seq") != static_cast<double>(seq - 1))
    return fail("the totals are not those of the newest set");
  std::printf("%llu %llu\n", static_cast<unsigned long long>(first),
              static_cast<unsigned long long>(first == 0 ? 0 : seq));
  return 0;
}

}  // namespace

int main(int count, char** arguments) {
  return count == 2 ? verify(arguments[1]) : fail("usage: store_verify PATH");
}
