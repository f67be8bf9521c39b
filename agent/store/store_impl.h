// Inside of Store (store.h): what was last acknowledged, and the sessions that agree with it.
#pragma once

#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "agent/store/aside.h"
#include "agent/store/files.h"
#include "agent/store/seq_mark.h"
#include "agent/store/session.h"
#include "agent/store/store.h"

namespace flopwatt::store {

/// Holds what was last acknowledged, and opens sessions that agree with it.
class Store::Impl {
 public:
  [[nodiscard]] static Result<std::unique_ptr<Impl>> open(const Settings& settings);

  ~Impl();

  [[nodiscard]] Result<Committed> commit(const Commit& commit);
  [[nodiscard]] Result<std::vector<StoredSet>> read(Span span, std::size_t max_sets);
  [[nodiscard]] Result<std::vector<StoredSet>> read_before(std::uint64_t end, std::size_t max_sets);
  [[nodiscard]] Result<std::map<std::string, ExporterRecord>> set_exporters(
      const std::vector<std::string>& names);
  void set_limits(Limits limits);

  /// At the start.
  Opened opened;

 private:
  Impl(const Settings& settings, std::string boot_uuid);

  [[nodiscard]] Result<Opened> begin();
  [[nodiscard]] Result<Opened> open_first();
  [[nodiscard]] bool may_heal(const Fault& fault) const;
  [[nodiscard]] Opened look_at_state(Fault down);
  [[nodiscard]] Opened opened_state();
  [[nodiscard]] Result<Committed> commit_late(const Commit& commit);
  [[nodiscard]] Result<Committed> commit_open(const Commit& commit);
  [[nodiscard]] Result<Done> continue_numbering(const FoundSeqMark& mark);
  [[nodiscard]] Result<Done> open_again(const Commit& commit);
  [[nodiscard]] Result<Done> put_back_lost_files();
  [[nodiscard]] Result<Done> write_copy();
  [[nodiscard]] std::filesystem::path copy_path() const;
  [[nodiscard]] Result<Done> open_replacing_damage();
  [[nodiscard]] Result<Done> move_damaged_file();
  void read_on(const std::string& path);
  [[nodiscard]] Result<Done> take_over_aside(const FoundSeqMark& mark);
  void prepare_aside();
  void remember(const Commit& commit, Committed& committed);
  [[nodiscard]] std::uint64_t next_after_jump() const;
  void collect_unreadable();
  [[nodiscard]] Fault closed_fault(const std::string& tried) const;
  Fault take(const Failure& failure);

  Settings settings_;
  std::optional<LockFile> lock_;
  Session::OpenOptions options_;
  SeqMark mark_;
  std::unique_ptr<Session> session_;  ///< null: closed after a failure
  bool is_begun_ = false;             ///< a session was open: what is in the file is known
  bool is_refused_ = false;           ///< the file can never be this agent's store
  bool damaged_ = false;              ///< the file is to be set aside before the next session
  LogState state_;
  Totals totals_;
  std::optional<SeqJump> seq_jump_;
  std::shared_ptr<const Opened> unreported_late_;
  Removal unreported_;                      ///< found missing when the file was opened again
  std::string set_aside_;                   ///< likewise
  std::vector<UnreadableSets> unreadable_;  ///< likewise
  AsideState aside_state_;                  ///< likewise
  PutBack put_back_;                        ///< likewise
  std::unique_ptr<AsideLog> aside_log_;     ///< of state_.aside
  // Of set_aside_, until a session has taken it over.
  bool has_moved_ = false;
  std::unique_ptr<AsideLog> moved_log_;
  std::optional<Salvaged> salvaged_;
  std::optional<Aside> new_aside_;
};

}  // namespace flopwatt::store
