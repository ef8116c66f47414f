#pragma once
// A strict, allocation-free pass over XML text: the gate every event goes through before anything else looks at it.
//
// Why not just a parser: a gateway needs to know where things are (to cut `<marti>` out and leave every other byte
// alone), must refuse what parsers quietly accept (document types, control characters, depth), and routes hundreds of
// positions a second without building a tree. What passes here is well-formed, so pugixml reads it the same way (a test
// and the fuzz target hold the two against each other).
//
//   struct Handler {
//     bool open(const Tag&);   // false stops the pass; see Scanner::stopped_by_handler
//     bool close(std::size_t depth, std::size_t begin, std::size_t end);  // also for <a/>, right after its open
//     bool text(std::size_t depth, std::size_t begin, std::size_t end);  // character data or CDATA, not decoded
//   };
//
// Encoding declarations are ignored: WinTAK declares utf-16 on UTF-8 bytes. The bytes must be UTF-8.
#include <algorithm>
#include <array>
#include <optional>
#include <string>
#include <string_view>

#include "codec/cot/fault.hpp"

namespace airbridge::codec::cot {

struct Attribute {
  std::string_view name;
  std::string_view value;  // raw: references not decoded
  std::size_t begin = 0;   // offset of the white space before the name
  std::size_t end = 0;     // behind the closing quote
};

struct Tag {
  std::string_view name;
  std::size_t depth = 0;  // 0 for the outer element
  std::size_t begin = 0;  // offset of '<'
  std::size_t end = 0;    // behind '>'
  bool self_closed = false;
  const Attribute* attributes = nullptr;
  std::size_t attribute_count = 0;

  const Attribute* find(std::string_view attribute) const {
    for (std::size_t i = 0; i < attribute_count; ++i) {
      if (attributes[i].name == attribute) return attributes + i;
    }
    return nullptr;
  }
};

// Fault of the first byte that is not UTF-8 or not a character of XML 1.0.
std::optional<Fault> check_characters(std::string_view text);

// Replaces the five references of XML and character references; the rest stays as it is (the pass has refused others).
std::string decode(std::string_view raw);

namespace detail {
// Table of bytes: 1 starts a name, 2 goes on in one.
extern const std::array<unsigned char, 256> name_bytes;
// Offset behind a valid "&...;" at text[at], or 0.
std::size_t reference_end(std::string_view text, std::size_t at);
// Bytes where a quoted value may end or needs a look: quotes, '<' and '&'.
extern const std::array<bool, 256> value_stops;
inline bool ends_value(char c) { return value_stops[static_cast<unsigned char>(c)]; }
inline bool is_space(char c) { return c == ' ' || c == '\n' || c == '\t' || c == '\r'; }
}  // namespace detail

// One pass over `text`, which must hold exactly one outer element; nothing on success.
template <class Handler>
class Scanner {
 public:
  Scanner(std::string_view text, Handler& handler) : text_(text), handler_(handler) {}

  std::optional<Fault> run() {
    if (auto bad = check_characters(text_)) return bad;
    if (text_.starts_with("\xEF\xBB\xBF")) at_ = 3;
    bool root_seen = false;
    while (true) {
      const auto begin = at_;
      if (at_ < text_.size() && text_[at_] != '<') at_ = std::min(text_.find('<', at_), text_.size());
      if (at_ != begin && !characters(begin, at_)) return fault_;
      if (at_ == text_.size()) break;
      const char next = at_ + 1 < text_.size() ? text_[at_ + 1] : '\0';
      bool ok = false;
      if (next == '/') {
        ok = close_tag();
      } else if (next == '?') {
        ok = instruction();
      } else if (next == '!') {
        ok = declaration();
      } else {
        if (depth_ == 0 && root_seen) {
          fail(FaultKind::Malformed, at_);
          return fault_;
        }
        root_seen = true;
        ok = open_tag();
      }
      if (!ok) return fault_;
    }
    if (depth_ != 0) fail(FaultKind::Truncated, text_.size());
    if (!root_seen) fail(FaultKind::NotAnEvent, 0);
    return fault_;
  }
  bool stopped_by_handler() const { return stopped_; }

 private:
  bool fail(FaultKind kind, std::size_t offset) {
    if (!fault_) fault_ = fault_at(text_, offset, kind);
    return false;
  }
  bool go_on(bool handler_says) {
    stopped_ = stopped_ || !handler_says;
    return handler_says;
  }
  bool skip_past(std::string_view end, std::size_t from) {
    const auto found = text_.find(end, at_ + from);
    if (found == text_.npos) return fail(FaultKind::Truncated, at_);
    at_ = found + end.size();
    return true;
  }

  bool instruction() {
    const auto begin = at_;
    at_ += 2;
    if (name().empty()) return fail(FaultKind::Malformed, begin);
    if (at_ < text_.size() && !detail::is_space(text_[at_]) && text_[at_] != '?')
      return fail(FaultKind::Malformed, begin);
    return skip_past("?>", 0);
  }

  bool characters(std::size_t begin, std::size_t end) {
    const auto span = text_.substr(begin, end - begin);
    for (auto ref = span.find('&'); ref != span.npos; ref = span.find('&', ref)) {
      const auto after = detail::reference_end(span, ref);
      if (after == 0) return fail(FaultKind::DtdOrEntity, begin + ref);
      ref = after;
    }
    if (depth_ != 0) return go_on(handler_.text(depth_, begin, end));
    for (const char c : span) {
      if (!detail::is_space(c)) return fail(FaultKind::Malformed, begin);
    }
    return true;
  }

  bool declaration() {
    const auto here = text_.substr(at_);
    if (here.starts_with("<!--")) return skip_past("-->", 4);
    if (here.starts_with("<![CDATA[")) {
      if (depth_ == 0) return fail(FaultKind::Malformed, at_);
      const auto begin = at_ + 9;
      return skip_past("]]>", 9) && go_on(handler_.text(depth_, begin, at_ - 3));
    }
    return fail(FaultKind::DtdOrEntity, at_);
  }

  bool close_tag() {
    const auto begin = at_;
    if (depth_ == 0) return fail(FaultKind::Malformed, begin);
    const auto name = open_[depth_ - 1];
    at_ += 2;
    if (text_.compare(at_, name.size(), name) != 0) return fail(FaultKind::Malformed, begin);
    at_ += name.size();
    while (at_ < text_.size() && detail::is_space(text_[at_])) ++at_;
    if (at_ >= text_.size()) return fail(FaultKind::Truncated, begin);
    if (text_[at_] != '>') return fail(FaultKind::Malformed, begin);
    ++at_;
    --depth_;
    return go_on(handler_.close(depth_, begin, at_));
  }

  std::string_view name() {
    const auto begin = at_;
    if (at_ < text_.size() && detail::name_bytes[static_cast<unsigned char>(text_[at_])] == 1) {
      while (at_ < text_.size() && detail::name_bytes[static_cast<unsigned char>(text_[at_])] != 0) ++at_;
    }
    return text_.substr(begin, at_ - begin);
  }

  bool open_tag() {
    Tag tag;
    tag.begin = at_++;
    tag.depth = depth_;
    tag.name = name();
    if (tag.name.empty()) return fail(at_ >= text_.size() ? FaultKind::Truncated : FaultKind::Malformed, tag.begin);
    if (depth_ >= depth_max) return fail(FaultKind::TooDeep, tag.begin);
    while (true) {
      const auto space = at_;
      while (at_ < text_.size() && detail::is_space(text_[at_])) ++at_;
      if (at_ >= text_.size()) return fail(FaultKind::Truncated, tag.begin);
      if (text_[at_] == '>') {
        ++at_;
        break;
      }
      if (text_[at_] == '/') {
        if (at_ + 1 >= text_.size()) return fail(FaultKind::Truncated, tag.begin);
        if (text_[at_ + 1] != '>') return fail(FaultKind::Malformed, at_);
        at_ += 2;
        tag.self_closed = true;
        break;
      }
      if (space == at_) return fail(FaultKind::Malformed, at_);
      if (!attribute(tag, space)) return false;
    }
    tag.end = at_;
    tag.attributes = attributes_.data();
    if (!go_on(handler_.open(tag))) return false;
    if (tag.self_closed) return go_on(handler_.close(depth_, at_, at_));
    open_[depth_++] = tag.name;
    return true;
  }

  bool attribute(Tag& tag, std::size_t space) {
    if (tag.attribute_count == attributes_max) return fail(FaultKind::TooManyAttributes, at_);
    const auto begin = at_;
    const auto key = name();
    if (key.empty()) return fail(FaultKind::Malformed, begin);
    while (at_ < text_.size() && detail::is_space(text_[at_])) ++at_;
    if (at_ >= text_.size()) return fail(FaultKind::Truncated, begin);
    if (text_[at_] != '=') return fail(FaultKind::Malformed, begin);
    ++at_;
    while (at_ < text_.size() && detail::is_space(text_[at_])) ++at_;
    if (at_ >= text_.size()) return fail(FaultKind::Truncated, begin);
    const char quote = text_[at_];
    if (quote != '"' && quote != '\'') return fail(FaultKind::Malformed, begin);
    const auto value = ++at_;
    while (true) {
      while (at_ < text_.size() && !detail::ends_value(text_[at_])) ++at_;
      if (at_ >= text_.size()) return fail(FaultKind::Truncated, begin);
      const char stop = text_[at_];
      if (stop == quote) break;
      if (stop == '<') return fail(FaultKind::Malformed, at_);
      if (stop == '&') {
        const auto after = detail::reference_end(text_, at_);
        if (after == 0) return fail(FaultKind::DtdOrEntity, at_);
        at_ = after;
      } else {
        ++at_;  // the other kind of quote
      }
    }
    for (std::size_t i = 0; i < tag.attribute_count; ++i) {
      if (attributes_[i].name == key) return fail(FaultKind::DuplicateAttribute, begin);
    }
    attributes_[tag.attribute_count++] = {key, text_.substr(value, at_ - value), space, at_ + 1};
    ++at_;
    return true;
  }

  std::string_view text_;
  Handler& handler_;
  std::size_t at_ = 0;
  std::size_t depth_ = 0;
  bool stopped_ = false;
  std::optional<Fault> fault_;
  // Left uninitialised: clearing 13 KiB would cost more than reading a whole position.
  union {
    std::array<std::string_view, depth_max> open_;
  };
  union {
    std::array<Attribute, attributes_max> attributes_;
  };
};

}  // namespace airbridge::codec::cot
