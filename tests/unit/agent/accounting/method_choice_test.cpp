#include "agent/accounting/method_choice.h"

#include <doctest/doctest.h>

#include "tests/unit/agent/accounting/model.h"

using namespace flopwatt;
using namespace flopwatt::accounting;
using model::us;

namespace {

constexpr std::int64_t patience_us = 5'000'000;

std::vector<std::pair<double, Method>> stretches(const MethodChoice& choice, double from, double to) {
  std::vector<std::pair<double, Method>> told;
  std::int64_t reached_us = us(from);
  for (const MethodStretch& stretch : choice.stretches({us(from), us(to)})) {
    CHECK(stretch.span.begin_us == reached_us);
    reached_us = stretch.span.end_us;
    told.emplace_back(static_cast<double>(stretch.span.begin_us - us(0)) * 1e-6, stretch.method);
  }
  CHECK(reached_us == us(to));
  return told;
}

using Told = std::vector<std::pair<double, Method>>;

}  // namespace

TEST_CASE("a better method is taken at once, a worse one when the better has been missing for long") {
  MethodChoice choice;
  CHECK(choice.follow(Method::pipe, us(10), patience_us) == Method::pipe);
  CHECK(stretches(choice, 0, 20) == Told{{0, Method::pipe}});  // the first: earlier sets are of it, too
  CHECK(choice.follow(Method::counted, us(100), patience_us) == Method::counted);
  for (const double t : {200.0, 202.0, 204.9})
    CHECK(choice.follow(Method::estimated, us(t), patience_us) == Method::counted);
  CHECK(choice.follow(Method::counted, us(205), patience_us) == Method::counted);
  CHECK(choice.follow(Method::none, us(300), patience_us) == Method::counted);
  CHECK(choice.follow(Method::estimated, us(305), patience_us) == Method::estimated);
  CHECK(stretches(choice, 50, 350) ==
        Told{{50, Method::pipe}, {100, Method::counted}, {305, Method::estimated}});
  CHECK(stretches(choice, 100, 305) == Told{{100, Method::counted}});
  choice.forget_before(us(200));
  CHECK(stretches(choice, 50, 150) == Told{{50, Method::none}, {100, Method::counted}});
}

TEST_CASE("a method that did not last is a gap") {
  MethodChoice choice;
  choice.follow(Method::pipe, us(0), patience_us);
  choice.follow(Method::none, us(50), patience_us);
  choice.follow(Method::none, us(55), patience_us);
  choice.follow(Method::estimated, us(100), patience_us);
  choice.follow(Method::pipe, us(101), patience_us);
  CHECK(stretches(choice, 90, 110) == Told{{90, Method::none}, {100, Method::none}, {101, Method::pipe}});
}

TEST_CASE("the method of an earlier run stays until it is known to be missing") {
  MethodChoice choice(Method::pipe);
  CHECK(choice.follow(Method::estimated, us(0), patience_us) == Method::pipe);
  CHECK(choice.follow(Method::pipe, us(1), patience_us) == Method::pipe);
  CHECK(stretches(choice, -10, 10) == Told{{-10, Method::pipe}});
}

TEST_CASE("changing for ever takes no more memory, and what is forgotten is unknown") {
  MethodChoice choice;
  choice.follow(Method::pipe, us(0), 0);
  for (int t = 10; t < 10'000; t += 10) choice.follow(t % 20 == 0 ? Method::pipe : Method::counted, us(t), 0);
  const auto told = stretches(choice, 0, 10'000);
  CHECK(told.size() <= MethodChoice::most_changes + 1);
  CHECK(told.front().second == Method::none);
}
