#pragma once
// Two nodes with the protocol core, the channel and the compression of the program, on made-up air in virtual time:
// how long until they are level, and how long urgent reports take meanwhile.
#include <string>
#include <vector>

namespace airbridge::bench {

struct RadioRow {
  std::string name;
  double value = 0;
  std::string unit;
  double goal = 0;  // 0: none
};

// 2400 bit/s half duplex, 0.35 s turn-round, 5 % loss: the 50 nodes' entries of 24 hours, half on each side, over
// several seeds; the worst is told. Every seed also has an urgent report on either side every two minutes.
std::vector<RadioRow> sync_radio(int seeds);
// 64 kbit/s full duplex, 30 % loss, 2 s delay, 200 positions a minute: an urgent message now and then.
std::vector<RadioRow> sync_lossy(int seeds);

}  // namespace airbridge::bench
