// Current transformers of one meter, or of one branch, that are turned around: told once the powers have said
// the same for a minute.
//
// All of them: power was negative all that time, and in the hour before it was never positive (who generates
// power exports for some hours only). Where there is a register of imported energy, it stood still.
// Some of them: the phases said so all that time.
#pragma once

#include <array>
#include <cstdint>
#include <optional>

#include "readings/reading_set.h"
#include "readings/turned_transformers.h"

namespace flopwatt::accounting {

class TurnedWatch {
 public:
  /// Where the columns are. `branch`: 0 for the whole meter. For sources of other kinds nothing is told.
  void describe(const Source& source, std::uint16_t branch);
  void add(const ReadingSet& set);

  [[nodiscard]] bool is_told() const { return told_.turned.is_any(); }
  /// Its source is left empty.
  [[nodiscard]] const TurnedFigures& figures() const { return told_; }

 private:
  [[nodiscard]] bool is_sure(std::int64_t time_us) const;
  void begin(const TurnedTransformers& seen, const ReadingSet& set);

  std::optional<std::size_t> whole_, import_, export_;
  std::array<std::optional<std::size_t>, 3> phases_;
  TurnedTransformers candidate_;
  std::int64_t since_us_ = 0, upright_us_ = 0;
  bool was_upright_ = false;
  int sets_ = 0;
  double import_at_first_ = absent, export_at_first_ = absent;
  TurnedFigures told_;
};

}  // namespace flopwatt::accounting
