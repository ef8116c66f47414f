#include "trust/private_part.hpp"

#include <doctest/doctest.h>

#include "model/test_events.hpp"
#include "trust/test_world.hpp"

using namespace airbridge;
using namespace airbridge::trust;

TEST_CASE("a private part opens with its group's key, at its place, in its incident only") {
  const test::World world;
  for (std::uint64_t seed = 1; seed <= 30; ++seed) {
    model::test::Maker maker(seed);
    const auto dot = maker.dot();
    const auto writes = maker.writes(dot);
    const auto salt = maker.fixed<FixedBytes<16, struct SaltTag>>();
    const auto part = seal_private(writes, dot, world.incident, world.care, salt);
    const auto opened = open_private(part, dot, world.incident, {world.care});
    REQUIRE(opened);
    CHECK(*opened == writes);

    CHECK(open_private(part, dot, world.incident, {}).error() == PrivateFault::NotForUs);
    auto key = world.care;
    key.epoch = 2;
    CHECK(open_private(part, dot, world.incident, {key}).error() == PrivateFault::NotForUs);
    CHECK(open_private(part, dot, world.incident, {key, world.care}));
    key = world.care;
    key.group.value[0] ^= 1;
    CHECK(open_private(part, dot, world.incident, {key}).error() == PrivateFault::NotForUs);
    key = world.care;
    key.key.value[0] ^= 1;
    CHECK(open_private(part, dot, world.incident, {key}).error() == PrivateFault::WrongKey);
    auto elsewhere = dot;
    ++elsewhere.writer.incarnation;
    CHECK(open_private(part, elsewhere, world.incident, {world.care}).error() == PrivateFault::WrongKey);
    CHECK(open_private(part, dot, maker.fixed<model::IncidentId>(), {world.care}).error() == PrivateFault::WrongKey);

    const auto again = seal_private(writes, dot, world.incident, world.care, maker.fixed<FixedBytes<16, SaltTag>>());
    CHECK(again != part);
  }
}

TEST_CASE("every truncation and every flipped bit of a private part is refused") {
  const test::World world;
  const model::Dot dot{{world.post.id(), 7}, model::Class::Important, 3};
  const auto part = seal_private({{model::FieldKey::of(10, model::MergeRule::MultiValue), "Ana", {}}}, dot,
                                 world.incident, world.care, {});
  for (std::size_t size = 0; size < part.size(); ++size) {
    CHECK_FALSE(open_private(ByteView(part).first(size), dot, world.incident, {world.care}));
  }
  auto flipped = part;
  for (std::size_t bit = 0; bit < part.size() * 8; ++bit) {
    flipped[bit / 8] ^= static_cast<std::uint8_t>(1U << (bit % 8));
    CHECK_FALSE(open_private(flipped, dot, world.incident, {world.care}));
    flipped[bit / 8] ^= static_cast<std::uint8_t>(1U << (bit % 8));
  }
}
