#pragma once
// What a node in a rucksack costs: profile portable, 50 nodes in the incident, `records` records of which each wrote
// its share, two events a record, one other node linked, nobody looking.
//
//   portable_start_s      after kill -9 while users write, 4,000 messages behind the last snapshot, with part of a
//   record
//                         at the end of the log and no file in the page cache: from starting the process until its API
//                         shows all records
//   portable_resident     VmRSS at the end of the idle time
//   portable_cpu          user and system time, all threads, of the idle time
//   portable_wakeups      voluntary context switches of all threads a second of it
//   portable_syncs        fsync and fdatasync a minute of it (count_syncs.cpp)
#include <cstdint>

#include "bench_row.hpp"

namespace airbridge::bench {

void portable(std::uint64_t records, int idle_s, TellRow tell);

}  // namespace airbridge::bench
