#include "field_words.hpp"

namespace airbridge::bench {
namespace {

constexpr std::string_view phrases[] = {
    "arrived on scene",
    "all well here",
    "request update on the situation",
    "road blocked by debris",
    "water level rising slowly",
    "water level falling",
    "two persons seen on the roof",
    "search of sector completed, nothing found",
    "moving to the next sector",
    "returning to base for fuel",
    "winch team ready",
    "casualty handed over to ambulance",
    "radio check, reading you loud and clear",
    "landing zone marked and clear of wires",
    "wind from the west, gusting",
    "visibility down to one kilometre",
    "low cloud on the ridge",
    "bridge closed to vehicles",
    "need another pump and hoses",
    "generator running, fuel for six hours",
    "shelter has room for forty more",
    "no answer at the house, door open",
    "family of four brought to the shelter",
    "dog team working along the river bank",
    "drone up, battery for twenty minutes",
    "power lines down across the road",
    "smell of gas, area cordoned off",
    "medical team on the way",
    "waiting for orders",
    "police informed",
    "drinking water delivered",
    "boat crew changed over",
    "slope is moving, keep clear",
    "helicopter inbound, ten minutes",
    "one person missing since the morning",
    "track leads towards the forest",
    "checked both cellars, empty",
    "stretcher carry needed, six people",
    "sandbags placed along the wall",
    "evacuation of the street completed",
    "relief crew arrives at six",
    "telephone network is down here",
    "please confirm receipt",
    "going on foot from here",
};

constexpr std::string_view plain_words[] = {
    "about",    "above",    "access",    "after",     "again",    "against",   "air",       "alarm",    "along",
    "already",  "also",     "always",    "ambulance", "animals",  "another",   "anybody",   "apron",    "area",
    "armoury",  "arrival",  "asked",     "attic",     "autumn",   "avalanche", "away",      "axle",     "back",
    "bags",     "bank",     "bare",      "barn",      "barrier",  "basement",  "basin",     "battery",  "beach",
    "beam",     "bearing",  "bedding",   "before",    "begin",    "behind",    "below",     "bench",    "beside",
    "between",  "bicycle",  "blanket",   "block",     "blue",     "boat",      "boiler",    "border",   "both",
    "bottle",   "bottom",   "boulder",   "box",       "brake",    "branch",    "brick",     "bridge",   "bright",
    "broken",   "brook",    "brother",   "brown",     "bucket",   "building",  "burning",   "bus",      "cabin",
    "cable",    "camp",     "canal",     "candle",    "canoe",    "car",       "cargo",     "carry",    "cart",
    "castle",   "cattle",   "cave",      "ceiling",   "centre",   "chain",     "chair",     "change",   "channel",
    "chapel",   "charge",   "check",     "chest",     "child",    "chimney",   "church",    "circle",   "clay",
    "clean",    "clear",    "cliff",     "climb",     "clinic",   "clock",     "close",     "cloth",    "coach",
    "coast",    "coat",     "cold",      "collapsed", "collect",  "colour",    "column",    "come",     "command",
    "compass",  "concrete", "condition", "confirm",   "contact",  "container", "cook",      "copper",   "corner",
    "corridor", "cottage",  "couple",    "course",    "court",    "cover",     "crack",     "crane",    "creek",
    "crew",     "cross",    "crossing",  "crowd",     "crown",    "culvert",   "curb",      "current",  "curtain",
    "cut",      "cycle",    "dam",       "damage",    "danger",   "dark",      "daughter",  "dawn",     "day",
    "deaf",     "deck",     "deep",      "deer",      "delay",    "delivered", "dentist",   "depot",    "depth",
    "desk",     "diesel",   "dinner",    "direction", "dirt",     "ditch",     "diver",     "divide",   "dock",
    "doctor",   "dog",      "door",      "double",    "down",     "dozen",     "drain",     "drift",    "drill",
    "drink",    "drive",    "driver",    "drone",     "drop",     "dry",       "duck",      "dusk",     "dust",
    "duty",     "each",     "ear",       "early",     "earth",    "east",      "edge",      "eight",    "elbow",
    "elder",    "electric", "elevator",  "empty",     "engine",   "enough",    "entrance",  "equal",    "escape",
    "evening",  "every",    "exit",      "extra",     "eye",      "face",      "factory",   "fallen",   "family",
    "fan",      "far",      "farm",      "farmer",    "fast",     "father",    "feed",      "feet",     "fence",
    "ferry",    "few",      "field",     "fifty",     "fire",     "firm",      "first",     "fish",     "five",
    "fjord",    "flag",     "flame",     "flank",     "flare",    "flat",      "fleet",     "floating", "flood",
    "floor",    "flow",     "flower",    "foam",      "fog",      "food",      "foot",      "ford",     "forest",
    "fork",     "form",     "fort",      "forty",     "found",    "four",      "frame",     "free",     "fresh",
    "friday",   "from",     "front",     "frost",     "frozen",   "fuel",      "full",      "garage",   "garden",
    "gas",      "gate",     "gauge",     "girl",      "glacier",  "glass",     "glove",     "goat",     "going",
    "gorge",    "grain",    "grass",     "grate",     "gravel",   "green",     "grey",      "ground",   "group",
    "guard",    "guest",    "gully",     "hail",      "half",     "hall",      "hammer",    "hand",     "harbour",
    "hard",     "harness",  "hat",       "hay",       "head",     "heart",     "heat",      "heavy",    "hedge",
    "height",   "help",     "here",      "high",      "hill",     "hinge",     "hold",      "hole",     "home",
    "hook",     "horse",    "hose",      "hospital",  "hot",      "hotel",     "hour",      "house",    "hundred",
    "hungry",   "hut",      "ice",       "injured",   "inner",    "inside",    "iron",      "island",   "jacket",
    "jeep",     "jetty",    "junction",  "keep",      "kettle",   "key",       "kitchen",   "knee",     "knife",
    "ladder",   "lake",     "lamp",      "lane",      "lantern",  "large",     "last",      "late",     "launch",
    "lawn",     "layer",    "leak",      "learn",     "leather",  "leave",     "ledge",     "left",     "leg",
    "letter",   "level",    "library",   "lift",      "light",    "line",      "link",      "list",     "litre",
    "little",   "load",     "local",     "lock",      "lodge",    "log",       "long",      "look",     "loose",
    "lorry",    "lost",     "loud",      "low",       "lower",    "lunch",     "machine",   "mail",     "main",
    "man",      "many",     "map",       "mark",      "market",   "marsh",     "mast",      "meadow",   "meal",
    "measure",  "meet",     "men",       "metal",     "metre",    "middle",    "mile",      "milk",     "mill",
    "mine",     "minute",   "mirror",    "missing",   "mobile",   "monday",    "month",     "moor",     "morning",
    "moss",     "mother",   "motor",     "mouth",     "move",     "much",      "mud",       "near",     "neck",
    "need",     "nest",     "net",       "never",     "new",      "next",      "night",     "nine",     "noise",
    "noon",     "north",    "nose",      "notice",    "number",   "nurse",     "oak",       "oars",     "odd",
    "office",   "oil",      "old",       "one",       "open",     "orange",    "orchard",   "order",    "other",
    "outer",    "oven",     "over",      "owner",     "ox",       "pack",      "paddle",    "page",     "pain",
    "paint",    "pair",     "palm",      "pan",       "panel",    "paper",     "park",      "part",     "pass",
    "past",     "path",     "patient",   "pavement",  "peak",     "pebble",    "pen",       "people",   "person",
    "phone",    "piece",    "pile",      "pilot",     "pine",     "pipe",      "pitch",     "plan",     "plank",
    "plant",    "plate",    "platform",  "pocket",    "point",    "pole",      "pond",      "pool",     "porch",
    "port",     "post",     "pot",       "potato",    "powder",   "power",     "pressure",  "pump",     "quarry",
    "quarter",  "quay",     "quick",     "quiet",     "radio",    "rail",      "rain",      "raised",   "ramp",
    "range",    "rapid",    "rear",      "red",       "reed",     "repair",    "report",    "rescue",   "reservoir",
    "rest",     "rice",     "ridge",     "right",     "ring",     "river",     "road",      "rock",     "roof",
    "room",     "root",     "rope",      "rough",     "round",    "route",     "row",       "rubber",   "rubble",
    "rudder",   "runway",   "rust",      "sack",      "saddle",   "safe",      "sail",      "salt",     "sand",
    "saturday", "saw",      "scarf",     "school",    "scree",    "sea",       "seat",      "second",   "secure",
    "seen",     "sent",     "seven",     "shaft",     "shallow",  "sharp",     "shed",      "sheep",    "sheet",
    "shelf",    "shirt",    "shoe",      "shop",      "shore",    "short",     "shoulder",  "shovel",   "shut",
    "side",     "signal",   "silent",    "silo",      "silver",   "single",    "sister",    "site",     "six",
    "ski",      "sky",      "slab",      "sledge",    "sleeping", "slide",     "slope",     "slow",     "small",
    "smoke",    "snow",     "soap",      "soft",      "soil",     "son",       "soon",      "sound",    "south",
    "spade",    "spare",    "splint",    "spring",    "square",   "stable",    "stairs",    "stand",    "start",
    "station",  "steam",    "steel",     "steep",     "step",     "stick",     "still",     "stone",    "stop",
    "storm",    "stove",    "straight",  "strap",     "straw",    "stream",    "street",    "strong",   "stuck",
    "sugar",    "summit",   "sunday",    "supply",    "swamp",    "table",     "tank",      "tape",     "tarpaulin",
    "team",     "ten",      "tent",      "terrace",   "thick",    "thin",      "third",     "thirty",   "three",
    "thursday", "tide",     "timber",    "time",      "tired",    "today",     "tomorrow",  "tool",     "top",
    "torch",    "torn",     "tower",     "town",      "tractor",  "trail",     "trailer",   "train",    "trapped",
    "tree",     "trench",   "truck",     "tuesday",   "tunnel",   "turn",      "twelve",    "twenty",   "twice",
    "two",      "tyre",     "uncle",     "under",     "unit",     "upper",     "urgent",    "valley",   "valve",
    "van",      "vehicle",  "very",      "village",   "visible",  "voice",     "volunteer", "wagon",    "waist",
    "walk",     "wall",     "warehouse", "warm",      "watch",    "water",     "wave",      "weather",  "wednesday",
    "week",     "weir",     "well",      "west",      "wet",      "wheel",     "white",     "wide",     "wife",
    "window",   "winter",   "wire",      "wood",      "wool",     "work",      "worker",    "wound",    "yard",
    "yellow",   "young",
};

constexpr std::string_view beginnings[] = {"Al",  "Bren", "Cor", "Dun", "El",  "Fal", "Gart", "Hol", "Ims", "Kest",
                                           "Lor", "Mel",  "Nor", "Ost", "Pel", "Rav", "Sten", "Tor", "Ulm", "Wen"};
constexpr std::string_view middles[] = {"a",   "ber", "den", "el", "i",   "ing", "ko",
                                        "len", "mar", "o",   "ra", "sel", "ti",  "u"};
constexpr std::string_view ends[] = {"bach", "by", "dorf", "feld", "ford", "gen",  "ham", "mere",
                                     "nau",  "ov", "stad", "ton",  "vik",  "wald", "wick"};
constexpr std::string_view features[] = {" bridge", " church", " farm", " mill", " school", " station"};

template <std::size_t N>
std::string_view any(Rng& rng, const std::string_view (&list)[N]) {
  return list[rng.below(N)];
}
}  // namespace

FieldWords::FieldWords(Rng rng, bool with_rare_words) : rng_(rng) {
  for (std::size_t i = 0; i < std::size(plain_words); ++i) {
    if (with_rare_words || i % 3 != 0) words_.push_back(plain_words[i]);
  }
  for (int i = 0; i < 40; ++i) {
    auto name = syllables(static_cast<int>(rng_.below(2)));
    if (rng_.chance(0.3)) name += any(rng_, features);
    places_.push_back(std::move(name));
  }
}

std::string FieldWords::syllables(int count) {
  std::string out(any(rng_, beginnings));
  for (int i = 0; i < count; ++i) out += any(rng_, middles);
  out += any(rng_, ends);
  return out;
}

std::string FieldWords::place() { return places_[rng_.below(places_.size())]; }
std::string FieldWords::person() {
  auto out = syllables(1);
  out += ' ';
  out += syllables(static_cast<int>(rng_.below(2)));
  return out;
}

std::string FieldWords::word() {
  if (rng_.chance(0.08)) return place();
  if (rng_.chance(0.06)) return std::to_string(rng_.below(rng_.chance(0.5) ? 30 : 3000));
  std::string out(words_[rng_.below(words_.size())]);
  if (rng_.chance(0.15)) out += 's';
  return out;
}

std::string FieldWords::text(std::size_t bytes) {
  std::string out;
  std::size_t in_phrases = 0;
  while (out.size() < bytes) {
    std::string next;
    if (in_phrases * 2 <= out.size()) {
      next = any(rng_, phrases);
      in_phrases += next.size();
    } else {
      next = word();
    }
    if (!out.empty()) out += rng_.chance(0.15) ? ", " : " ";
    out += next;
  }
  return out;
}

}  // namespace airbridge::bench
