#include "bearer/air_use.hpp"

namespace airbridge::bearer {

void SlidingSum::add(Microseconds airtime, SteadyTime now) {
  const auto number = step_of(now);
  const auto at = static_cast<std::size_t>(number % steps);
  if (numbers_[at] != number) sums_[at] = Microseconds(0);
  numbers_[at] = number;
  sums_[at] += airtime;
}

Microseconds SlidingSum::sum(SteadyTime now) const {
  const auto number = step_of(now);
  Microseconds out{0};
  for (std::size_t i = 0; i < steps; ++i) {
    if (numbers_[i] > number - steps && numbers_[i] <= number) out += sums_[i];
  }
  return out;
}

Microseconds AirUse::airtime(std::size_t bytes) const {
  if (rate_bps_ == 0) return Microseconds(0);
  return Microseconds((static_cast<std::int64_t>(bytes) * 8 * 1'000'000 + rate_bps_ - 1) / rate_bps_);
}

void AirUse::sent(Microseconds airtime, SteadyTime now) {
  own_.add(airtime, now);
  all_.add(airtime, now);
}

bool AirUse::allows(Microseconds airtime, bool urgent, SteadyTime now) const {
  if (duty_cycle_ >= 1) return true;
  if (duty_cycle_ <= 0) return false;
  const double allowance =
      static_cast<double>(Microseconds(own_.window()).count()) * duty_cycle_ * (urgent ? 1.0 : 0.9);
  return static_cast<double>((own_.sum(now) + airtime).count()) <= allowance;
}

double AirUse::occupancy(SteadyTime now) const {
  return std::min(
      1.0, static_cast<double>(all_.sum(now).count()) / static_cast<double>(Microseconds(all_.window()).count()));
}
double AirUse::own_share(SteadyTime now) const {
  return static_cast<double>(own_.sum(now).count()) / static_cast<double>(Microseconds(own_.window()).count());
}

}  // namespace airbridge::bearer
