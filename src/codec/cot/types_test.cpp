#include "codec/cot/types.hpp"

#include <doctest/doctest.h>

#include "codec/cot/envelope.hpp"
#include "codec/cot/test_files.hpp"

using namespace airbridge;
using namespace airbridge::codec::cot;

TEST_CASE("types civil teams use have their category, others are Other and relayed") {
  const struct {
    std::string_view type;
    Category category;
  } rows[] = {
      {"a-f-G-U-C", Category::Person},
      {"a-f-G-U-C-V-S", Category::Person},
      {"a-f-G-E-V-C", Category::Vehicle},
      {"a-f-A-M-H", Category::Helicopter},
      {"a-f-A-M-H-Q", Category::Uas},
      {"a-f-A-M-F-Q", Category::Uas},
      {"a-n-A-C-F", Category::FixedWing},
      {"a-n-A-C-H", Category::Helicopter},
      {"a-u-A", Category::Aircraft},
      {"a-f-S-X", Category::Vessel},
      {"a-u-G", Category::Marker},
      {"a-o-G", Category::Marker},
      {"b-m-p-s-m", Category::Marker},
      {"b-m-p-w-GOTO", Category::Marker},
      {"b-m-p-c-z", Category::LandingZone},
      {"b-m-p-c", Category::Marker},
      {"b-m-r", Category::Route},
      {"b-r-f-h-c", Category::Casualty},
      {"b-a-o-tbl", Category::Alert},
      {"b-a-o-can", Category::AlertCancel},
      {"b-a-g", Category::Alert},
      {"b-t-f", Category::Chat},
      {"b-t-f-d", Category::ChatReceipt},
      {"b-f-t-r", Category::FileOffer},
      {"u-d-f", Category::Drawing},
      {"u-d-f-m", Category::Drawing},
      {"u-d-r", Category::Drawing},
      {"u-d-c-c", Category::Circle},
      {"u-r-b-c-c", Category::Circle},
      {"u-rb-a", Category::Drawing},
      {"t-x-c-t", Category::Ping},
      {"t-x-c-t-r", Category::Pong},
      {"t-x-d-d", Category::Delete},
      {"t-x-takp-v", Category::Control},
      {"overhead_marker", Category::Other},
      {"a", Category::Other},
      {"", Category::Other},
      {"b-m-p-s-p-loc", Category::Marker},
      {"a-f-G-U-C;field", Category::Person},
      {"b-m-rr", Category::Other},
  };
  for (const auto& row : rows) {
    CAPTURE(row.type);
    CHECK(category_of(row.type) == row.category);
    CHECK_FALSE(declined_type(row.type));
    CHECK_FALSE(name_of(row.category).empty());
  }
}

TEST_CASE("hostile, suspect, joker and faker are not carried; what only looks like them is") {
  CHECK(declined_type("a-h-G") == NotCarried::Hostile);
  CHECK(declined_type("a-s-A") == NotCarried::Suspect);
  CHECK(declined_type("a-j-S") == NotCarried::Joker);
  CHECK(declined_type("a-k") == NotCarried::Faker);
  CHECK(declined_type("a-H-G") == NotCarried::Hostile);
  CHECK(declined_type("t-k") == NotCarried::Fires);
  CHECK(declined_type("b-m-p-s-p-i") == NotCarried::Designation);
  CHECK_FALSE(declined_type("b-m-p-s-p-in"));
  CHECK_FALSE(declined_type("a-p-G"));
  CHECK_FALSE(declined_type("b-h-x"));
}

TEST_CASE("a declined type is one however it is written, and no relayed event has a type outside the grammar") {
  for (const std::string_view type : {" a-h-G", "\ta-h-G", "a - h", "a--h-G", "a-hh-G", "-a-h", "A-h-G", "a-h ", "a_-h",
                                      "a-h_-G", "&#97;-h", "a-.h-G",
                                      "\xE2\x80\x8B"
                                      "a-h-G"}) {
    CAPTURE(type);
    CHECK(declined_type(type == "&#97;-h" ? "a-h" : type) == NotCarried::Hostile);
    const auto envelope = scan(as_bytes(test::event({.type = std::string(type)})));
    CHECK((!envelope || envelope->not_carried));
    const auto detail = "<link uid=\"x\" type=\"" + std::string(type) + "\"/>";
    CHECK(declined("a-f-G", detail) == NotCarried::Hostile);
  }
  auto beside = test::event();
  beside.insert(beside.find("<detail>"), "<link type=\"a-h-G\"/>");
  CHECK(scan(as_bytes(beside))->not_carried == NotCarried::Hostile);
  for (const std::string_view type : {"a-.-G", "a-f-*", "a-f-", "-", "a f", "a-f-G;x;y", "a-f-G;x y", "a-\xD1\x84-G"}) {
    CAPTURE(type);
    CHECK_FALSE(is_type(type));
    const auto envelope = scan(as_bytes(test::event({.type = std::string(type)})));
    REQUIRE_FALSE(envelope);
    CHECK(envelope.error().kind == FaultKind::BadType);
  }
  for (const std::string_view type : {"a-x-G", "a-fh-G", "a-help", "a-1", "a-w-G", "A-q"}) {
    CAPTURE(type);
    CHECK(declined_type(type) == NotCarried::UnknownAffiliation);
  }
}

TEST_CASE("what a detail carries is looked at too, and scan() agrees with declined()") {
  const struct {
    std::string_view detail;
    std::optional<NotCarried> reason;
  } rows[] = {
      {"<contact callsign=\"a-h team\"/>", {}},
      {"<remarks>marked a-h-G by mistake, fires in the valley</remarks>", {}},
      {"<usericon iconsetpath=\"COT_MAPPING_2525B/a-u/a-u-G\"/>", {}},
      {"<usericon iconsetpath=\"COT_MAPPING_2525B/a-h/a-h-G\"/>", NotCarried::Hostile},
      {"<link uid=\"x\" type=\"a-s-G\" relation=\"p-p\"/>", NotCarried::Suspect},
      {"<x><link type=\"&#97;-h\"/></x>", NotCarried::Hostile},
      {"<link line=\"&lt;event type=&quot;a-h-G&quot; uid='1'/&gt;\"/>", NotCarried::Hostile},
      {"<link line=\"&lt;event type=&quot;u-d-f&quot; uid='1'/&gt;\"/>", {}},
      {"<link line=\"&lt;event type = &quot; a-&amp;#104;-G&quot; uid='1'/&gt;\"/>", NotCarried::Hostile},
      {"<link line=\"&lt;link line=&quot;&amp;lt;event type='a-h-G'/&amp;gt;&quot;/&gt;\"/>", NotCarried::Hostile},
      {"<x cotType=\"a-h-G\"/>", NotCarried::Hostile},
      {"<link uid=\"x\" type=\"b-m-p-s-p-i\"/>", NotCarried::Designation},
      {"<usericon iconsetpath=\"34ae/Tents/a-frame.png\"/><emergency type=\"911 Alert\"/><y type=\"a - help\"/>", {}},
      {"<fires/>", NotCarried::Fires},
      {"<__weaponStatus/>", NotCarried::Fires},
      {"<x:laserCode xmlns:x=\"urn:x\"/>", NotCarried::Designation},
      {"<fireline_note/><weather/><labels_on/><strokeColor value=\"1\"/>", {}},
  };
  for (const auto& row : rows) {
    CAPTURE(row.detail);
    CHECK(declined("a-f-G", row.detail) == row.reason);
    const auto envelope = scan(as_bytes(test::event({.detail = std::string(row.detail)})));
    REQUIRE(envelope);
    CHECK(envelope->not_carried == row.reason);
  }
}
