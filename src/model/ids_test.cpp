#include "model/ids.hpp"

#include <doctest/doctest.h>

#include "model/test_events.hpp"

using namespace airbridge;
using namespace airbridge::model;

TEST_CASE("dots and entities come back from their text") {
  test::Maker maker(1);
  for (int i = 0; i < 200; ++i) {
    const auto dot = maker.dot();
    CHECK(dot_from_text(to_text(dot)) == dot);
    const auto id = maker.entity(dot);
    CHECK(entity_from_text(to_text(id)) == id);
  }
}

TEST_CASE("text that names nothing is refused") {
  const std::string good = "d.00112233445566778899aabbccddeeff.0000002a.1.17";
  REQUIRE(dot_from_text(good));
  for (std::size_t size = 0; size < good.size() - 1; ++size) {
    CHECK_FALSE(dot_from_text(std::string_view(good).substr(0, size)));
  }
  for (const std::string_view bad :
       {"d.00112233445566778899aabbccddeeff.0000002a.1.0", "d.00112233445566778899aabbccddeeff.0000002a.3.17",
        "d.00112233445566778899aabbccddeeff.0000002a.1.17x", "d.00112233445566778899aabbccddeeff.0000002a.1.-7",
        "d.00112233445566778899aabbccddeeff.0000002a.1.18446744073709551616",
        "d.00112233445566778899aabbccddeegg.0000002a.1.17", "x.00112233445566778899aabbccddeeff.0000002a.1.17"}) {
    CAPTURE(bad);
    CHECK_FALSE(entity_from_text(bad));
  }
  for (const std::string_view bad :
       {"", "x.", "x.0011", "x.00112233445566778", "x.001122334455667z", "y.0011223344556677"}) {
    CAPTURE(bad);
    CHECK_FALSE(entity_from_text(bad));
  }
}

TEST_CASE("an outside name belongs to its namespace") {
  CHECK(external_name("icao", "4d2023") == external_name("icao", "4d2023"));
  CHECK(external_name("ab", "c") != external_name("a", "bc"));
  CHECK(external_name("icao", "4d2023") != external_name("mmsi", "4d2023"));
}

TEST_CASE("a display code has five letters people do not confuse, and depends on the whole name") {
  test::Maker maker(2);
  const auto dot = maker.dot();
  const auto code = display_code(dot);
  CHECK(code.size() == 5);
  CHECK(code.find_first_not_of("0123456789ABCDEFGHJKMNPQRSTVWXYZ") == std::string::npos);
  auto next = dot;
  ++next.seq;
  CHECK(display_code(next) != code);
  CHECK(display_code(external_name("icao", "4d2023")) == "7JQTC");
}

TEST_CASE("values have one order, by kind and then by content") {
  test::Maker maker(3);
  const auto own = maker.dot();
  std::vector<Value> values;
  for (int i = 0; i < 60; ++i) values.push_back(maker.value(own));
  for (const auto& a : values) {
    CHECK(a == a);
    for (const auto& b : values) {
      const auto forth = a <=> b, back = b <=> a;
      CHECK((forth < 0) == (back > 0));
      CHECK((forth == 0) == (a == b));
    }
  }
  CHECK(Value(Value::List{1}) < Value(Value::List{1, 2}));
  CHECK(Value(Value::List{1, 2}) < Value(Value::List{2}));
}
