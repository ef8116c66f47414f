#include "codec/cot/envelope.hpp"

#include <doctest/doctest.h>

#include <pugixml.hpp>

#include "codec/cot/event.hpp"
#include "codec/cot/test_files.hpp"

using namespace airbridge;
using namespace airbridge::codec::cot;
using test::event;
using test::Wanted;

namespace {

std::optional<FaultKind> fault_of(std::string_view xml) {
  const auto got = scan(as_bytes(xml));
  if (got) return std::nullopt;
  return got.error().kind;
}
Wanted with_detail(std::string detail) {
  Wanted wanted;
  wanted.detail = std::move(detail);
  return wanted;
}

}  // namespace

TEST_CASE("every sample scans, parses, and says the same as pugixml reading the whole event") {
  int read = 0;
  for (const auto& path : test::files_of("cot", ".xml")) {
    CAPTURE(path.filename().string());
    const auto xml = test::read_file(path);
    const auto envelope = scan(as_bytes(xml));
    REQUIRE(envelope);
    CHECK_FALSE(envelope->not_carried);
    const auto parsed = parse(as_bytes(xml));
    REQUIRE(parsed);

    pugi::xml_document tree;
    REQUIRE(tree.load_buffer(xml.data(), xml.size(), pugi::parse_default, pugi::encoding_utf8));
    const auto outer = tree.child("event");
    CHECK(envelope->uid.str() == outer.attribute("uid").value());
    CHECK(envelope->type.str() == outer.attribute("type").value());
    CHECK(envelope->how.str() == outer.attribute("how").value());
    CHECK(envelope->opex.str() == outer.attribute("opex").value());
    CHECK(envelope->stale == *parse_utc(outer.attribute("stale").value()));
    CHECK(envelope->position == *Position::from_degrees(outer.child("point").attribute("lat").as_double(),
                                                        outer.child("point").attribute("lon").as_double()));
    CHECK(envelope->callsign.str() == outer.child("detail").child("contact").attribute("callsign").value());
    CHECK(envelope->has_detail == static_cast<bool>(outer.child("detail")));
    CHECK(parsed->uid == envelope->uid.str());
    CHECK(is_position_report(*parsed) == is_position_report(*envelope));
    CHECK(parsed->detail_xml == xml.substr(envelope->detail.begin, envelope->detail.end - envelope->detail.begin));
    ++read;
  }
  CHECK(read >= 15);
}

TEST_CASE("the files to refuse are refused, each for its reason") {
  const struct {
    std::string_view file;
    FaultKind kind;
    std::string_view what;
  } rows[] = {
      {"doctype.xml", FaultKind::DtdOrEntity, ""},
      {"latitude_91.xml", FaultKind::OutOfRange, "lat"},
      {"missing_stale.xml", FaultKind::MissingAttribute, "stale"},
      {"not_a_number.xml", FaultKind::BadNumber, "lat"},
      {"truncated.xml", FaultKind::Truncated, ""},
  };
  for (const auto& row : rows) {
    CAPTURE(row.file);
    const auto got = parse(as_bytes(test::read_file(test::data("cot/refuse") / row.file)));
    REQUIRE_FALSE(got);
    CHECK(got.error().kind == row.kind);
    CHECK(got.error().what == row.what);
    CHECK(got.error().line >= 2);
  }
  CHECK(scan(as_bytes(test::read_file(test::data("cot/refuse/affiliation_hostile.xml"))))->not_carried ==
        NotCarried::Hostile);
  CHECK(scan(as_bytes(test::read_file(test::data("cot/refuse/affiliation_suspect.xml"))))->not_carried ==
        NotCarried::Suspect);
}

TEST_CASE("hostile XML is refused before anything is built from it") {
  int read = 0;
  for (const auto& path : test::files_of("bad", ".xml")) {
    CAPTURE(path.filename().string());
    CHECK_FALSE(parse(as_bytes(test::read_file(path))));
    ++read;
  }
  CHECK(read >= 10);
}

TEST_CASE("limits and character faults are named") {
  CHECK_FALSE(fault_of(event()));
  std::string deep, attributes;
  for (int i = 0; i < 70; ++i) deep += "<d>";
  for (int i = 0; i < 70; ++i) deep += "</d>";
  for (int i = 0; i < 257; ++i) attributes += " a" + std::to_string(i) + "=\"1\"";
  CHECK(fault_of(event(with_detail(deep))) == FaultKind::TooDeep);
  CHECK(fault_of(event(with_detail("<x" + attributes + "/>"))) == FaultKind::TooManyAttributes);
  CHECK(fault_of(event(with_detail(std::string("<x>\0</x>", 8)))) == FaultKind::ControlCharacter);
  CHECK(fault_of(event(with_detail("<x>\x01</x>"))) == FaultKind::ControlCharacter);
  CHECK(fault_of(event(with_detail("<x>&#1;</x>"))) == FaultKind::DtdOrEntity);
  CHECK(fault_of(event(with_detail("<x>\xC3\x28</x>"))) == FaultKind::BadUtf8);
  CHECK(fault_of(event(with_detail("<x>\xED\xA0\x80</x>"))) == FaultKind::BadUtf8);
  CHECK(fault_of(event(with_detail("<x>&other;</x>"))) == FaultKind::DtdOrEntity);
  CHECK(fault_of(event(with_detail("<x a=\"1\" a=\"2\"/>"))) == FaultKind::DuplicateAttribute);
  CHECK(fault_of(event(with_detail("<x><y></x></y>"))) == FaultKind::Malformed);
  CHECK(fault_of(event(with_detail("<x a=1/>"))) == FaultKind::Malformed);
  CHECK(fault_of(event(with_detail("</detail><detail>"))) == FaultKind::DuplicateElement);
  CHECK(fault_of(event(with_detail("<contact callsign=\"" + std::string(129, 'c') + "\"/>"))) == FaultKind::TooLong);
  CHECK(fault_of(event({.uid = std::string(513, 'u')})) == FaultKind::TooLong);
  CHECK(fault_of(event({.uid = ""})) == FaultKind::MissingAttribute);
  CHECK(fault_of("<?2026?>" + event()) == FaultKind::Malformed);
  CHECK(fault_of(event() + event()) == FaultKind::Malformed);
  CHECK(fault_of("") == FaultKind::NotAnEvent);
  CHECK(fault_of("<other/>") == FaultKind::NotAnEvent);
  CHECK(fault_of("<event/>") == FaultKind::MissingAttribute);
  Wanted wanted;
  wanted.times = "time=\"10196-03-14T09:30:00Z\" start=\"2026-03-14T09:30:00Z\" stale=\"2026-03-14T09:34:15Z\"";
  CHECK(fault_of(event(wanted)) == FaultKind::BadTime);
  wanted = {};
  wanted.point = "lat=\"46.5\" lon=\"7.9\" hae=\"1\" ce=\"9.5\"";
  CHECK(fault_of(event(wanted)) == FaultKind::MissingAttribute);
  wanted.point = "lat=\"46.5\" lon=\"181\" hae=\"1\" ce=\"9.5\" le=\"1\"";
  CHECK(fault_of(event(wanted)) == FaultKind::OutOfRange);
  wanted.point = "lat=\"46.5\" lon=\"7\" hae=\"inf\" ce=\"9.5\" le=\"1\"";
  CHECK(fault_of(event(wanted)) == FaultKind::BadNumber);
}

TEST_CASE("a fault says where, in words") {
  const auto got = parse(as_bytes(test::read_file(test::data("cot/refuse/latitude_91.xml"))));
  REQUIRE_FALSE(got);
  CHECK(describe(got.error()) == "outside its range (lat), line 2 column 165");
  CHECK(name_of(got.error().kind) == "out_of_range");
}

TEST_CASE("unknown height and errors are absent, and odd spellings of clients are read") {
  const auto ios = parse(as_bytes(test::read_file(test::data("cot/pli_ios.xml"))));
  REQUIRE(ios);
  CHECK_FALSE(ios->hae);
  CHECK_FALSE(ios->le);
  CHECK(ios->ce->value == doctest::Approx(9.5));
  CHECK_FALSE(ios->track->speed);
  CHECK(ios->battery_percent == 44);
  CHECK(ios->group->role == "K9");
  const auto desk = parse(as_bytes(test::read_file(test::data("cot/pli_declared_utf16_bytes_utf8.xml"))));
  REQUIRE(desk);
  CHECK(desk->contact->callsign == "Poste Zürich");
  const auto xml = event({.uid = "A &amp; B &#x4E2D;"});
  const auto spaced = scan(as_bytes(xml));
  REQUIRE(spaced);
  CHECK(spaced->uid.str() == "A & B 中");
}
