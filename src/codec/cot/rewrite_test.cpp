#include "codec/cot/rewrite.hpp"

#include <doctest/doctest.h>

#include "codec/cot/event.hpp"
#include "codec/cot/test_files.hpp"

using namespace airbridge;
using namespace airbridge::codec::cot;

namespace {
std::string scrubbed(const std::string& xml) {
  const auto envelope = scan(as_bytes(xml));
  REQUIRE(envelope);
  return std::string(as_text(scrub(as_bytes(xml), *envelope)));
}
}  // namespace

TEST_CASE("an event without an address or military fields comes back as it was") {
  for (const auto& path : test::files_of("cot", ".xml")) {
    if (path.filename() == "chat_direct_by_callsign.xml") continue;
    CAPTURE(path.filename().string());
    const auto xml = test::read_file(path);
    CHECK(scrubbed(xml) == xml);
  }
}

TEST_CASE("the address is cut out and every other byte stays") {
  const std::string before = "<a  x='1' />\n<!-- <marti/> --><archive/>",
                    after = " <archive/><remarks>&lt;marti&gt;</remarks>";
  const std::string addresses[] = {"<marti><dest callsign=\"HELI 7\"/><dest uid='u'/></marti>", "<marti/>",
                                   "<marti a='>' ></marti >", "<marti><marti/></marti><marti>text</marti>"};
  for (const auto& marti : addresses) {
    CAPTURE(marti);
    CHECK(scrubbed(test::event({.detail = before + marti + after})) == test::event({.detail = before + after}));
    CHECK(as_text(strip_marti(as_bytes(test::event({.detail = before + marti + after})))) ==
          test::event({.detail = before + after}));
  }
  const auto nested = test::event({.detail = "<other><marti/></other>"});
  CHECK(scrubbed(nested) == nested);
}

TEST_CASE("military fields of a medevac are removed and the civil ones stay in place") {
  const auto with =
      test::event({.type = "b-r-f-h-c",
                   .detail = "<_medevac_ title=\"M\"\n security='2' urgent=\"1\" enemy = \"x\" us_military=\"1\" "
                             "us_civilian=\"1\" epw=\"0\"><zMistsMap/></_medevac_>"});
  const auto without =
      test::event({.type = "b-r-f-h-c",
                   .detail = "<_medevac_ title=\"M\" urgent=\"1\" us_civilian=\"1\"><zMistsMap/></_medevac_>"});
  CHECK(scrubbed(with) == without);
  CHECK(as_text(strip_military_medevac(as_bytes(with))) == without);
  CHECK(scrubbed(without) == without);
}

TEST_CASE("what is not well-formed is not cut at") {
  const std::string broken = "<event><detail><marti></detail></event>";
  CHECK(as_text(strip_marti(as_bytes(broken))) == broken);
}

TEST_CASE("an event said again has new times and every other byte as it was") {
  for (const auto& path : test::files_of("cot", ".xml")) {
    CAPTURE(path.filename().string());
    const auto xml = test::read_file(path);
    const auto before = parse(as_bytes(xml));
    REQUIRE(before);
    const auto now = *parse_utc("2026-05-01T10:00:00Z"), then = *parse_utc("2026-05-02T10:00:00Z");
    const auto again = restamp(as_bytes(xml), now, then);
    const auto after = parse(again);
    REQUIRE(after);
    CHECK(after->time == now);
    CHECK(after->start == now);
    CHECK(after->stale == then);
    CHECK(after->detail_xml == before->detail_xml);
    CHECK(restamp(again, before->time, before->stale).size() ==
          restamp(as_bytes(xml), before->time, before->stale).size());
  }
  const std::string broken = "<event time='x'><detail></event>";
  CHECK(as_text(restamp(as_bytes(broken), {}, {})) == broken);
}
