// The table of records itself. Numbers and rules never change once released; a new field takes the next free number.
#include "model/schema.hpp"

namespace airbridge::model {
namespace {

using enum MergeRule;
using enum ValueType;
using enum Privacy;
constexpr Class urgent = Class::Urgent, important = Class::Important, routine = Class::Routine;

constexpr FieldSpec common[] = {
    {field::deleted, "deleted", Tombstone, Boolean, important, Public,
     "true: removed by a person; names what they saw"},
    {field::name, "name", Ranked, Text, important, Public, "what people call it", {}, 120},
    {field::note, "note", Ranked, Text, routine, Public, "free remarks", {}, 4000},
    {field::same_as, "same_as", OrSet, Entity, important, Public, "another record of the same thing; reversible"},
    {field::made_up, "made_up", Ranked, Boolean, routine, Public, "true: invented for a demonstration or an exercise"},
    {field::document,
     "document",
     Ranked,
     Bytes,
     routine,
     Public,
     "the message it came in, as it came (CoT XML)",
     {},
     60'000},
};

constexpr CodeSpec unit_categories[] = {
    {1, "helicopter", "Helicopter"},
    {2, "aeroplane", "Aeroplane"},
    {3, "unmanned_aircraft", "Unmanned aircraft"},
    {4, "ground_team", "Ground team"},
    {5, "vehicle", "Vehicle"},
    {6, "vessel", "Boat or ship"},
    {7, "dog_team", "Search dog team"},
    {8, "medical_team", "Medical team"},
    {9, "command", "Command post staff"},
    {10, "person", "Single person"},
};
constexpr CodeSpec unit_states[] = {
    {1, "available", "Available"},           {2, "tasked", "Tasked"},
    {3, "en_route", "On the way"},           {4, "on_scene", "On scene"},
    {5, "returning", "Returning"},           {6, "out_of_service", "Out of service", 1},
    {7, "distress", "In distress", 2, true},
};
constexpr CodeSpec capabilities[] = {
    {1, "winch", "Rescue winch"},         {2, "medical", "Medical crew"},
    {3, "night_vision", "Night vision"},  {4, "thermal_camera", "Thermal camera"},
    {5, "water_drop", "Water drop"},      {6, "cargo_hook", "Cargo hook"},
    {7, "rope_rescue", "Rope rescue"},    {8, "search_dog", "Search dog"},
    {9, "relay", "Radio relay"},          {10, "airdrop", "Aid airdrop"},
    {11, "water_rescue", "Water rescue"},
};
constexpr FieldSpec unit_fields[] = {
    {6, "category", Ranked, Code, important, Public, "what kind of unit", unit_categories, 0, true},
    {7, "callsign", Ranked, Text, important, Public, "radio call sign", {}, 64},
    {8, "state", MultiValue, Code, important, Public, "what it is doing", unit_states},
    {9, "home", Ranked, Entity, routine, Public, "the site it belongs to"},
    {10, "capability", OrSet, Code, routine, Public, "what it can do", capabilities},
    {11, "crew", Ranked, Integer, routine, Public, "people on board or in the team"},
    {12, "phone", Ranked, Text, routine, Private, "telephone number", {}, 64},
    {13, "track", OrSet, Entity, routine, Public, "the live track that is this unit"},
    {14, "place", Ranked, Place, routine, Public, "where it is when nothing reports its position"},
    {15, "endurance", Ranked, Integer, routine, Public, "time it can still stay out, minutes"},
};

constexpr FieldSpec track_fields[] = {
    {6, "subject", Ranked, Entity, routine, Public, "the live track a person found worth keeping", {}, 0, true},
    {7, "category", Ranked, Code, routine, Public, "what kind of unit it seems to be", unit_categories},
    {8, "callsign", Ranked, Text, routine, Public, "call sign as heard", {}, 64},
};

constexpr CodeSpec site_categories[] = {
    {1, "marker", "Marker"},
    {2, "helibase", "Helibase"},
    {3, "landing_zone", "Landing zone"},
    {4, "drop_zone", "Aid drop zone"},
    {5, "command_post", "Command post"},
    {6, "hospital", "Hospital"},
    {7, "shelter", "Shelter"},
    {8, "collection_point", "Casualty collection point"},
    {9, "water_point", "Water point"},
    {10, "staging", "Staging area"},
    {11, "worksite", "Worksite"},
    {12, "route", "Route"},
    {13, "drawing", "Drawing"},
    {14, "fuel", "Fuel"},
    {15, "radio_relay", "Radio relay"},
};
constexpr CodeSpec open_states[] = {
    {1, "open", "Open", 0}, {2, "restricted", "Restricted", 1}, {3, "closed", "Closed", 2, true}};
constexpr FieldSpec site_fields[] = {
    {6, "category", Ranked, Code, important, Public, "what kind of place", site_categories, 0, true},
    {7, "place", Ranked, Place, important, Public, "where it is"},
    {8, "geometry", Ranked, ValueType::Geometry, important, Public, "its outline or course"},
    {9, "state", MultiValue, Code, important, Public, "whether it may be used; a closed landing zone is urgent",
     open_states},
    {10, "frequency", Ranked, Text, routine, Public, "radio frequency or channel", {}, 64},
    {11, "capacity", Ranked, Integer, routine, Public, "people or aircraft it can take"},
    {12, "surface", Ranked, Text, routine, Public, "ground and approach", {}, 400},
    {13, "supplies", Counter, Integer, routine, Public, "items in stock, changes summed"},
};

constexpr CodeSpec hazard_categories[] = {
    {1, "fire", "Fire"},
    {2, "flood", "Flood"},
    {3, "landslide", "Landslide"},
    {4, "avalanche", "Avalanche"},
    {5, "cable", "Cable or wire"},
    {6, "weather", "Weather"},
    {7, "hazardous_material", "Hazardous material"},
    {8, "collapse", "Collapsed structure"},
    {9, "volcanic", "Volcanic ash or gas"},
    {10, "obstacle", "Obstacle to flight"},
    {11, "unmanned_aircraft", "Unknown unmanned aircraft"},
    {12, "other", "Other"},
};
constexpr CodeSpec severities[] = {
    {1, "minor", "Minor", 1}, {2, "moderate", "Moderate", 2}, {3, "severe", "Severe", 3}, {4, "extreme", "Extreme", 4}};
constexpr CodeSpec hazard_states[] = {
    {1, "raised", "Raised", 2, true}, {2, "confirmed", "Confirmed", 1}, {3, "cleared", "Cleared", 0}};
constexpr FieldSpec hazard_fields[] = {
    {6, "category", Ranked, Code, important, Public, "what kind of danger", hazard_categories, 0, true},
    {7, "severity", MultiValue, Code, important, Public, "how bad", severities},
    {8,
     "geometry",
     MultiValue,
     ValueType::Geometry,
     important,
     Public,
     "point, line, area or circle it covers",
     {},
     0,
     true},
    {9, "state", MultiValue, Code, important, Public, "raising one is urgent", hazard_states, 0, true},
    {10, "until", Ranked, Time, routine, Public, "expected end"},
};

constexpr CodeSpec triage_codes[] = {
    {1, "red", "Immediate", 5, true}, {2, "yellow", "Delayed", 4},       {3, "green", "Minor", 3},
    {4, "grey", "Expectant", 2},      {5, "black", "Deceased", 1, true}, {6, "unknown", "Not triaged", 4},
};
constexpr CodeSpec life_codes[] = {
    {1, "alive", "Alive", 2}, {2, "unknown", "Not known", 1}, {3, "deceased", "Deceased", 0, true}};
constexpr CodeSpec mobility_codes[] = {
    {1, "walking", "Walking"}, {2, "assisted", "Needs help to walk"}, {3, "stretcher", "Stretcher"}};
constexpr CodeSpec evacuation_codes[] = {{1, "waiting", "Waiting"},
                                         {2, "moving", "On the way"},
                                         {3, "handed_over", "Handed over"},
                                         {4, "not_needed", "Not needed"}};
constexpr FieldSpec casualty_fields[] = {
    {6, "triage", MultiValue, Code, important, Public, "triage category", triage_codes, 0, true},
    {7, "life", MultiValue, Code, important, Public, "alive or deceased", life_codes},
    {8, "place", Ranked, Place, important, Public, "where they are"},
    {9, "count", Ranked, Integer, important, Public, "people this record stands for"},
    {10, "identity", MultiValue, Text, important, Private, "who it is", {}, 200},
    {11, "condition", Ranked, Text, important, Private, "injuries and state", {}, 2000},
    {12, "destination", MultiValue, TextOrEntity, important, Public, "where they are taken", {}, 200},
    {13,
     "observation",
     Append,
     Text,
     important,
     Private,
     "one observation: vital signs, drug given, allergy",
     {},
     2000},
    {14, "age", Ranked, Integer, routine, Private, "age in years"},
    {15, "contact", Ranked, Text, routine, Private, "next of kin", {}, 200},
    {16, "mobility", Ranked, Code, important, Public, "how they can be moved", mobility_codes},
    {17, "evacuation", MultiValue, Code, important, Public, "where in the evacuation they are", evacuation_codes},
    {18, "winch", Ranked, Boolean, important, Public, "needs a winch"},
    {19, "uid", Ranked, Text, routine, Public, "the name it has among TAK clients, when they named it", {}, 256},
    {20,
     "report",
     Ranked,
     Bytes,
     routine,
     Private,
     "the message it came in, as it came (CoT XML): it speaks of the patient",
     {},
     60'000},
};

constexpr CodeSpec request_categories[] = {
    {1, "distress", "Distress", 0, true},
    {2, "medevac", "Medical evacuation", 0, true},
    {3, "evacuation", "Evacuation", 0, true},
    {4, "search", "Search"},
    {5, "supplies", "Supplies"},
    {6, "fire", "Water drop"},
    {7, "transport", "Transport"},
    {8, "reconnaissance", "A look from the air"},
    {9, "other", "Other"},
};
constexpr CodeSpec priorities[] = {
    {1, "immediate", "Immediate", 3}, {2, "urgent", "Urgent", 2}, {3, "routine", "Routine", 1}};
constexpr CodeSpec request_states[] = {{1, "open", "Open"},
                                       {2, "acknowledged", "Acknowledged"},
                                       {3, "assigned", "Assigned"},
                                       {4, "met", "Met"},
                                       {5, "cancelled", "Cancelled"}};
constexpr FieldSpec request_fields[] = {
    {6, "category", Ranked, Code, important, Public, "what is asked for", request_categories, 0, true},
    {7, "priority", MultiValue, Code, important, Public, "how soon", priorities},
    {8, "place", Ranked, Place, important, Public, "where"},
    {9, "state", StateMachine, Code, important, Public, "how far it is", request_states},
    {10, "people", Ranked, Integer, important, Public, "people concerned"},
    {11, "casualty", OrSet, Entity, important, Public, "casualties concerned"},
    {12, "text", Ranked, Text, important, Public, "in words", {}, 2000},
    {13, "contact", Ranked, Text, important, Private, "who asks and how to reach them", {}, 200},
};

constexpr CodeSpec task_states[] = {
    {1, "draft", "Draft"}, {2, "assigned", "Assigned"},   {3, "accepted", "Accepted"},   {4, "under_way", "Under way"},
    {5, "done", "Done"},   {6, "failed", "Not possible"}, {7, "cancelled", "Cancelled"},
};
constexpr CodeSpec task_orders[] = {
    {1, "go", "Go", 0}, {2, "hold", "Hold", 1}, {3, "stop", "Stop", 2, true}, {4, "evacuate", "Evacuate", 3, true}};
constexpr FieldSpec task_fields[] = {
    {6, "state", StateMachine, Code, important, Public, "how far it is", task_states, 0, true},
    {7, "assignee", Claim, Entity, important, Public, "the unit that does it; a unit claimed twice is a conflict"},
    {8, "request", Ranked, Entity, important, Public, "the request it answers"},
    {9, "place", Ranked, Place, important, Public, "where"},
    {10, "due", Ranked, Time, important, Public, "when it should be done"},
    {11, "priority", MultiValue, Code, important, Public, "how soon", priorities},
    {12, "text", Ranked, Text, important, Public, "what to do", {}, 2000},
    {13, "order", MultiValue, Code, important, Public, "go, hold, stop, evacuate", task_orders},
};

constexpr CodeSpec message_priorities[] = {
    {1, "distress", "Distress", 3, true}, {2, "urgent", "Urgent", 2}, {3, "routine", "Routine", 1}};
constexpr FieldSpec message_fields[] = {
    {6, "text", Append, Text, important, Public, "what is said", {}, 4000, true},
    {7, "to", OrSet, TextOrEntity, important, Public, "to whom; nobody named: to all", {}, 120},
    {8, "priority", MultiValue, Code, important, Public, "how urgent", message_priorities},
    {9, "from", Ranked, Text, important, Public, "who says it, when not the node's operator", {}, 120},
    {10, "channel", Ranked, Text, routine, Public, "radio channel or chat room", {}, 120},
    {11, "acknowledged", OrSet, Text, important, Public, "who has read it", {}, 120},
    {12, "reply_to", Ranked, Entity, routine, Public, "the message it answers"},
    {13, "place", Ranked, Place, important, Public, "where it speaks of"},
};

constexpr FieldSpec journal_fields[] = {
    {6, "text", Append, Text, routine, Public, "the entry; a correction is another entry", {}, 4000, true},
    {7, "about", OrSet, Entity, routine, Public, "what it is about"},
    {8, "place", Ranked, Place, routine, Public, "where it happened"},
    {9, "said_at", Ranked, Time, routine, Public, "when it happened, if not when it was written"},
    {10, "corrects", Ranked, Entity, routine, Public, "the entry it corrects"},
};

constexpr CodeSpec plan_categories[] = {
    {1, "drop", "Aid drop"}, {2, "search", "Search"}, {3, "relief", "Relief flights"}, {4, "evacuation", "Evacuation"}};
constexpr FieldSpec plan_fields[] = {
    {6, "category", Ranked, Code, routine, Public, "what kind of plan", plan_categories, 0, true},
    {7,
     "version",
     Versions,
     List,
     routine,
     Public,
     "[hash of this version, hash of its parent or null, document]",
     {},
     60'000},
    {8, "approval", MultiValue, Bytes, important, Public, "hash of the version a person approved", {}, 32},
};

constexpr FieldSpec membership_fields[] = {
    {6, "grant", OrSet, Bytes, urgent, Public, "a signed grant (docs/protocol/trust.md)", {}, 4096},
    {7, "revocation", OrSet, Bytes, urgent, Public, "a signed revocation with its cut; reserved", {}, 4096},
    {8, "reinstate", OrSet, Bytes, urgent, Public, "releases from a revocation; reserved", {}, 4096},
};

constexpr FieldSpec attachment_fields[] = {
    {6, "address", Ranked, Bytes, routine, Public, "BLAKE2b-256 of the encrypted object", {}, 32, true},
    {7, "size", Ranked, Integer, routine, Public, "of the encrypted object, bytes"},
    {8, "media_type", Ranked, Text, routine, Public, "RFC 6838 media type", {}, 120},
    {9, "chunks", Ranked, List, routine, Public, "chunk size in bytes, then the hash of each chunk", {}, 60'000},
    {10, "preview", Ranked, Bytes, routine, Public, "first chunk: a preview of at most 2 KiB", {}, 2048},
    {11, "of", OrSet, Entity, routine, Public, "the records it belongs to"},
    {12, "key", Ranked, Bytes, routine, Private, "the object's key", {}, 64},
};

constexpr FieldSpec incident_fields[] = {
    {6, "policy_version", Ranked, Integer, urgent, Public, "raised by an authority; reserved"},
    {7, "place", Ranked, Place, important, Public, "where the incident is: where maps open"},
};

constexpr RecordSpec table[] = {
    {RecordKind::Unit, "unit", 'U', "a team, aircraft, vehicle or boat that can be tasked", unit_fields},
    {RecordKind::Track, "track", 'K', "a heard track a person promoted", track_fields},
    {RecordKind::Site, "site", 'S', "a place that matters", site_fields},
    {RecordKind::Hazard, "hazard", 'H', "a danger to people or aircraft", hazard_fields},
    {RecordKind::Casualty, "casualty", 'C', "a person, or people, in need of care", casualty_fields},
    {RecordKind::Request, "request", 'R', "somebody needs something", request_fields},
    {RecordKind::Task, "task", 'T', "an order to a unit", task_fields},
    {RecordKind::Message, "message", 'M', "something said to somebody", message_fields},
    {RecordKind::Journal, "journal", 'J', "an entry in the log book", journal_fields},
    {RecordKind::Plan, "plan", 'P', "a plan with its versions", plan_fields},
    {RecordKind::Membership, "membership", 'N', "a node or person and what it was granted", membership_fields},
    {RecordKind::Attachment, "attachment", 'A', "a picture or file", attachment_fields},
    {RecordKind::Incident, "incident", 'I', "the incident itself", incident_fields},
};

}  // namespace

std::span<const RecordSpec> records() { return table; }
std::span<const FieldSpec> common_fields() { return common; }

}  // namespace airbridge::model
