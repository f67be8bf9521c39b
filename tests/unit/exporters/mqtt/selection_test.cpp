#include "exporters/mqtt/selection.h"

#include <doctest/doctest.h>

#include "tests/unit/exporters/mqtt/sets.h"

using namespace flopwatt;
using namespace flopwatt::mqtt;
using namespace std::chrono_literals;

TEST_CASE("only the kinds that are asked for") {
  Selection selection({SourceKind::meter, SourceKind::window}, 0us);
  CHECK(selection.wants(test::stored(1, test::meter("pdu-a"), {1, 2, 3})));
  CHECK(selection.wants(test::stored(2, test::meter("pdu-a"), {1, 2, 3})));
  CHECK_FALSE(selection.wants(test::stored(3, test::accelerator("nvidia0"), {1, 2, 3})));
  CHECK(selection.wants(test::stored(4, test::window("rack/1m"), {1})));
}

TEST_CASE(
    "one set of a source in each span of time, windows all; the same one however often it is asked for") {
  Selection selection({SourceKind::meter, SourceKind::window}, 10s);
  const auto a = test::meter("pdu-a"), b = test::meter("pdu-b"), window = test::window("rack/1m");
  const auto wanted = [&](std::uint64_t first, std::uint64_t last) {
    std::vector<std::uint64_t> seqs;
    for (std::uint64_t seq = first; seq <= last; ++seq)  // one a second, from 12:44:01.250 on
      if (selection.wants(test::stored(seq, a, {1, 2, 3}))) seqs.push_back(seq);
    return seqs;
  };
  CHECK(wanted(1, 40) == std::vector<std::uint64_t>{1, 10, 20, 30, 40});
  CHECK(wanted(20, 40) == std::vector<std::uint64_t>{20, 30, 40});
  CHECK(selection.wants(test::stored(35, b, {1, 2, 3})));
  CHECK_FALSE(selection.wants(test::stored(36, b, {1, 2, 3})));
  for (std::uint64_t seq = 1; seq < 20; ++seq) CHECK(selection.wants(test::stored(seq, window, {1})));
}

TEST_CASE("both lanes go through spans at the same time") {
  Selection selection({SourceKind::meter}, 10s);
  const auto a = test::meter("pdu-a");
  CHECK(selection.wants(test::stored(1005, a, {1, 2, 3})));  // live
  CHECK(selection.wants(test::stored(1, a, {1, 2, 3})));
  CHECK_FALSE(selection.wants(test::stored(1006, a, {1, 2, 3})));
  CHECK_FALSE(selection.wants(test::stored(2, a, {1, 2, 3})));
  CHECK_FALSE(selection.wants(test::stored(1004, a, {1, 2, 3})));  // replay reaches the span of the live set
}
