#pragma once
// Where a thing has been: thinned to the fixes that matter and packed to a few bytes each (docs/adr/0015).
//
// The node that hears a thing thins: a fix is kept when what came after it departs from the straight way between the
// kept ones by more than the fixes are sure of. Of what is kept the step is 1 s, 1e-5 degree (1.1 m; at most 0.6 m off)
// and 1 m of height. Packed, a fix is told as its difference from the one before, or from where that one's course would
// have led, whichever is shorter for the whole part:
//
//   bytes  what (numbers of 1 to 9 bytes as in compact_bytes.hpp; signed ones zigzag)
//   1      0 differences, 1 differences from the course
//   n      how many fixes
//   each:  seconds since the one before (the first: since 1970) x 2, + 1 with a height; latitude; longitude; height
//          against the last height told
#include <optional>
#include <vector>

#include "model/observation.hpp"

namespace airbridge::sync {

inline constexpr std::size_t fixes_per_part_max = 512;
inline constexpr Metres track_tolerance_min{15}, track_tolerance_max{200};  // its error, within these bounds
inline constexpr std::int64_t track_interval_max_s = 300;  // of what moves; what stands still is told when it leaves
inline constexpr std::size_t track_pending_max = 60;       // fixes looked back upon

struct Fix {
  std::int64_t time_s = 0;      // since 1970
  std::int32_t lat_e5 = 0;      // 1e-5 degree
  std::int32_t lon_e5 = 0;      // -180 .. 180 degrees
  std::optional<int> height_m;  // above the ellipsoid, or a pressure altitude where that is all there is
  friend bool operator==(const Fix&, const Fix&) = default;
};
Fix fix_of(const model::Observation& observation);

// Ascending times, at most fixes_per_part_max.
Bytes pack_fixes(const std::vector<Fix>& fixes);
Result<std::vector<Fix>, model::DecodeError> unpack_fixes(ByteView bytes);

// Thins the fixes of one thing as they come.
class TrackThinner {
 public:
  // The fixes that are kept now that this one is known, none or one; what comes out of order is left out.
  std::vector<Fix> add(const Fix& fix, Metres error_95);
  std::int64_t latest_s() const {
    return !pending_.empty() ? pending_.back().time_s : kept_ ? kept_->time_s : INT64_MIN;
  }

 private:
  bool is_on_the_way(const Fix& to, double tolerance_m) const;
  std::optional<Fix> kept_;
  std::vector<Fix> pending_;
};

}  // namespace airbridge::sync
