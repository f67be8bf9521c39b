// A transaction of a session.
#pragma once

#include "agent/store/session.h"

namespace flopwatt::store {

/// Rolled back unless committed, whatever happens in between; what was remembered of it in memory goes too.
class Session::Transaction {
 public:
  explicit Transaction(Session& session) : session_(session) { session_.database_->run("BEGIN IMMEDIATE"); }
  Transaction(const Transaction&) = delete;
  Transaction& operator=(const Transaction&) = delete;
  ~Transaction() {
    if (committed_) return;
    session_.database_->rollback();
    session_.sources_.forget();
    session_.boots_.forget();
  }

  [[nodiscard]] bool commit() {
    session_.database_->run("COMMIT");
    committed_ = session_.database_->ok();
    return committed_;
  }

 private:
  Session& session_;
  bool committed_ = false;
};

}  // namespace flopwatt::store
