// Commits batches of reading sets until it is killed, and prints the last acknowledged seq after each:
//   store_writer PATH [--sets=N] [--max_size=BYTES]
// Each set says in its values which seq it expects to get, so that a reader can tell a set that has moved.
// "opened NEXT_SEQ" is the first line; a failure goes to standard error and ends it with exit code 3.
#include <unistd.h>

#include <charconv>
#include <cstdio>
#include <string>
#include <string_view>

#include "agent/store/store.h"
#include "runtime/clock.h"

namespace {

using namespace flopwatt;

struct Options {
  std::string path;
  std::uint64_t sets = 28;
  std::uint64_t max_size = std::uint64_t{1} << 30;
};

bool read_number(std::string_view argument, std::string_view key, std::uint64_t& value) {
  if (!argument.starts_with(key)) return false;
  argument.remove_prefix(key.size());
  return std::from_chars(argument.data(), argument.data() + argument.size(), value).ec == std::errc{};
}

/// One write(): what is on the pipe is a whole line.
void print(const std::string& line) {
  if (::write(STDOUT_FILENO, line.data(), line.size()) < 0)
    std::fputs("cannot write to standard output\n", stderr);
}

SourcePtr meter() {
  auto source = std::make_shared<Source>();
  source->kind = SourceKind::meter;
  source->name = "pdu-a";
  source->fields.push_back({{Quantity::energy_import, Place::whole, 0}, Wire::u64, 1.0, 0.0});
  for (const Place place : {Place::l1, Place::l2, Place::l3}) {
    source->fields.push_back({{Quantity::active_power, place, 0}, Wire::f32, 1.0, 0.0});
    source->fields.push_back({{Quantity::voltage, place, 0}, Wire::f32, 1.0, 0.0});
  }
  return source;
}

int fail(const Fault& fault) {
  std::fprintf(stderr, "%s\n", fault.message.c_str());
  return 3;
}

int write_for_ever(const Options& options) {
  store::Settings settings;
  settings.path = options.path;
  settings.max_size_bytes = options.max_size;
  settings.exporters = {"ems"};
  settings.first_seq = static_cast<std::uint64_t>(now().wall_us);
  auto opened = store::Store::open(settings);
  if (!opened) return fail(opened.error());
  store::Store& store = **opened;
  std::uint64_t next_seq = store.opened().next_seq;
  print("opened " + std::to_string(next_seq) + "\n");
  if (!store.opened().set_aside.empty())
    return fail({FaultClass::device, "set aside " + store.opened().set_aside, 0});

  const SourcePtr source = meter();
  for (;;) {
    store::Commit commit;
    for (std::uint64_t i = 0; i < options.sets; ++i) {
      const auto seq = static_cast<double>(next_seq + i);
      commit.sets.push_back({source, now(), 1'000, {seq, 230.5, 1.25, 231.5, 2.5, 229.5, 5.0}});
    }
    commit.totals["last_seq"] = static_cast<double>(next_seq + options.sets - 1);
    const auto committed = store.commit(commit);
    if (!committed) return fail(committed.error());
    next_seq = committed->first_seq + options.sets;
    print(std::to_string(next_seq - 1) + "\n");
  }
}

}  // namespace

int main(int count, char** arguments) {
  Options options;
  for (int i = 1; i < count; ++i) {
    const std::string_view argument = arguments[i];
    if (read_number(argument, "--sets=", options.sets) ||
        read_number(argument, "--max_size=", options.max_size))
      continue;
    options.path = argument;
  }
  if (options.path.empty()) {
    std::fputs("usage: store_writer PATH [--sets=N] [--max_size=BYTES]\n", stderr);
    return 1;
  }
  return write_for_ever(options);
}
