#include "bearer/one_way.hpp"

#include <algorithm>

#include "bearer/limits.hpp"
#include "bearer/repair.hpp"

namespace airbridge::bearer {

void OneWay::add_block(const Bytes& block, bool squeezed, bool urgent, std::size_t cut, std::size_t repair_percent,
                       SteadyTime now) {
  if (block.empty() || cut == 0) return;
  auto& seq = urgent ? urgent_seq_ : bulk_seq_;
  const std::uint16_t from = seq;
  Sent sent;
  sent.urgent = urgent;
  sent.pause = repeat_first;
  sent.again = now + repeat_first;
  std::vector<ByteView> pieces;
  for (std::size_t at = 0; at < block.size(); at += cut) {
    pieces.push_back(ByteView(block).subspan(at, std::min(cut, block.size() - at)));
  }
  for (std::size_t i = 0; i < pieces.size(); ++i) {
    Bytes payload;
    put_data_head(payload, 0, 0, false, false, false);
    put_part(payload, FragmentPart{urgent, i == 0, i + 1 == pieces.size(), squeezed, seq++, pieces[i]}, true);
    sent.payloads.push_back(std::move(payload));
  }
  // What a repair frame has to say more must find room beside as many bytes as a fragment carries.
  const std::size_t wanted = (pieces.size() * repair_percent + 99) / 100;
  const std::size_t parities = pieces.size() > repair_data_max ? 0 : std::min(wanted, repair_parity_max);
  const std::size_t size = pieces.front().size();
  for (std::size_t i = 0; i < parities; ++i) {
    const Bytes parity = parity_of(pieces, i, size);
    Bytes payload;
    put_data_head(payload, 0, 0, false, false, false);
    put_part(payload, RepairPart{urgent, squeezed, from, static_cast<std::uint8_t>(pieces.size()),
                                 static_cast<std::uint8_t>(i), pieces.back().size(), parity});
    sent.payloads.push_back(std::move(payload));
  }
  queue(sent);
  sent_.push_back(std::move(sent));
  if (sent_.size() > repeated_blocks_max) sent_.pop_front();
}

void OneWay::queue(const Sent& sent) {
  auto& to = sent.urgent ? urgent_ : bulk_;
  to.insert(to.end(), sent.payloads.begin(), sent.payloads.end());
}

std::optional<Bytes> OneWay::next() {
  auto& from = urgent_.empty() ? bulk_ : urgent_;
  if (from.empty()) return std::nullopt;
  Bytes payload = std::move(from.front());
  from.pop_front();
  return payload;
}

void OneWay::repeat(SteadyTime now) {
  // What is new goes before what was said already; urgent repeats go before what is not urgent.
  const bool is_calm = !has_urgent(), is_idle = !has_to_send();
  for (auto& sent : sent_) {
    if (sent.again > now || !(sent.urgent ? is_calm : is_idle)) continue;
    queue(sent);
    ++sent.repeats;
    sent.pause *= 2;
    sent.again = now + sent.pause;
  }
  std::erase_if(sent_, [](const Sent& sent) { return sent.repeats >= repeats_max; });
}

std::optional<SteadyTime> OneWay::next_repeat() const {
  std::optional<SteadyTime> out;
  for (const auto& sent : sent_) out = out ? std::min(*out, sent.again) : sent.again;
  return out;
}

}  // namespace airbridge::bearer
