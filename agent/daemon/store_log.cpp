#include "agent/daemon/store_log.h"

#include <array>
#include <ctime>
#include <string>

#include "runtime/log.h"

namespace flopwatt::daemon {
namespace {

void log_given_up(const std::string& path) {
  if (path.empty()) return;
  log::error(
      "a store file that was set aside earlier is not read any more; what was not delivered of it is lost, "
      "and counted as "
      "dropped",
      {{"file", path}});
}

void log_jump(const store::Opened& opened) {
  const auto& lost = opened.seq_jump->lost_sets;
  log::warn(
      lost ? "stored reading sets are missing; seq goes on above all that were given out"
           : "whether stored reading sets are missing is not known; seq goes on above all that may have been "
             "given out",
      {{"reason", opened.seq_jump->reason},
       {"lost_sets", lost ? std::to_string(*lost) : "not known"},
       {"next_seq", std::to_string(opened.next_seq)}});
}

std::string utc_text(std::int64_t wall_us) {
  const auto seconds = static_cast<std::time_t>(wall_us / 1'000'000);
  std::tm parts{};
  ::gmtime_r(&seconds, &parts);
  std::array<char, 32> text{};
  return {text.data(), std::strftime(text.data(), text.size(), "%Y-%m-%dT%H:%M:%SZ", &parts)};
}

}  // namespace

void log_forgotten(const store::ForgottenExporter& exporter) {
  log::warn(
      "an exporter is configured no more: what it had not delivered is not delivered, and counted nowhere. "
      "An "
      "exporter with another name begins with what is stored from then on",
      {{"exporter", exporter.name},
       {"readings", std::to_string(exporter.readings)},
       {"since", exporter.since_us ? utc_text(*exporter.since_us) : "not known"}});
}

void log_opened(const store::Opened& opened) {
  if (!opened.down.empty()) {
    log::error("the store cannot be opened now; metering goes on, and readings wait in memory until it can",
               {{"reason", opened.down}});
    return;
  }
  const store::AsideState& aside = opened.aside;
  if (!opened.set_aside.empty())
    log::error(
        aside.is_read
            ? "the store was corrupt and set aside; a new one was begun. What was not yet delivered is "
              "read from the file that was set aside"
            : "the store was corrupt and set aside; a new one was begun. Nothing of it waits to be "
              "delivered, or what waited is lost: how much that was is then unknown, and no exporter "
              "counts it as dropped",
        {{"file", opened.set_aside}});
  if (aside.lacks_totals)
    log::error("totals of the damaged store were unreadable, and begin at 0", {{"file", opened.set_aside}});
  log_given_up(aside.given_up);
  if (opened.seq_jump) log_jump(opened);
  for (const store::ForgottenExporter& exporter : opened.forgotten) log_forgotten(exporter);
}

void log_aside(const store::Committed& committed) {
  if (!committed.set_aside.empty())
    log::error(committed.aside.is_read
                   ? "the store became corrupt and was set aside; a new one was begun. What was not yet "
                     "delivered is read from the file that was set aside"
                   : "the store became corrupt and was set aside; a new one was begun. What was not "
                     "yet delivered is lost, and counted as dropped",
               {{"file", committed.set_aside}});
  log_given_up(committed.aside.given_up);
  if (!committed.aside_done.empty())
    log::info(
        "nothing is left to deliver of the store file that was set aside; it is kept, and may be removed",
        {{"file", committed.aside_done}});
}

void log_put_back(const store::Committed& committed) {
  const store::PutBack& put_back = committed.put_back;
  if (put_back.file.empty()) return;
  const std::string others = put_back.strangers.empty() ? "nothing" : put_back.strangers;
  if (!put_back.lost.empty()) {
    std::string dropped;
    for (const auto& [name, readings] : committed.dropped)
      dropped += (dropped.empty() ? "" : ", ") + name + " " + std::to_string(readings);
    log::error(
        "the store's file was removed, moved or replaced while the agent runs, and could not be read any "
        "more; a "
        "new one was begun. What was not yet delivered is lost, and counted as dropped. Stop the agent "
        "before you "
        "touch its files",
        {{"file", put_back.file},
         {"reason", put_back.lost},
         {"dropped", dropped},
         {"lay_in_its_place", others}});
    return;
  }
  log::error(
      put_back.main
          ? "the store's file was removed, moved or replaced while the agent runs; all that was stored is in "
            "place again. Stop the agent before you touch its files"
          : "the store's write-ahead log was removed, moved or replaced while the agent runs; all that was "
            "stored is in place again. Stop the agent before you touch its files",
      {{"file", put_back.file}, {"lay_in_its_place", others}});
}

void SnapshotWatch::follow(const store::Committed& committed) {
  const bool is_long = committed.log_bytes > 2 * committed.usual_log_bytes;
  if (!is_held_ && is_long) {
    is_held_ = true;
    log::warn(
        "another program reads the store in one long transaction: its write-ahead log grows, and "
        "store.max_size "
        "cannot be kept until that program ends; `fuser` with the path of the store names it",
        {{"log_bytes", std::to_string(committed.log_bytes)},
         {"usual_log_bytes", std::to_string(committed.usual_log_bytes)},
         {"size_bytes", std::to_string(committed.size_bytes)}});
  } else if (is_held_ && committed.log_bytes <= committed.usual_log_bytes) {
    is_held_ = false;
    log::info("no other program holds the store's write-ahead log any more; it is back to its usual size");
  }
}

void log_unreadable(const std::vector<store::UnreadableSets>& unreadable) {
  for (const store::UnreadableSets& found : unreadable)
    log::error(
        "reading sets are unreadable in the store and left out; an exporter that had not delivered them "
        "counts "
        "them as dropped. See whether the disk is healthy",
        {{"sets", found.sets > 0 ? std::to_string(found.sets) : "not known"},
         {"first_seq", std::to_string(found.seqs.first)},
         {"last_seq", std::to_string(found.seqs.last)},
         {"reason", found.reason}});
}

}  // namespace flopwatt::daemon
