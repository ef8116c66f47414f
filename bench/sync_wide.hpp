#pragma once
// What real nodes take over a wide link, by courier, and when one comes late: processes with real disks, two cores for
// all of them.
//
//   wide_rate            two nodes that know each other; one has `events` more. From the link's return (the other
//   process
//                        was stopped meanwhile) until the last is durable and folded: events a second
//   wide_of_store        that rate against the store's own: the same runs, as they travel, appended to a log of their
//   own
//                        by one thread with a sync for about a thousand events, right before and after
//   apart_72h_link       two nodes with `records` records, half of them of each, two events a record: seconds from the
//                        link's return until both say the same state hash
//   apart_72h_bundles    the same through bundles alone
//   newcomer_usable      a node with an empty log is started and linked over 100 Mbit/s to one with `events` events:
//                        seconds until its picture shows all records
//   newcomer_complete    until its log holds all events and refolds to the same hash
//
// The goals are tighter than what was asked for where the program does better: 50,000 events/s for 30,000 (wide_rate),
// and 20 s, 30 s and 30 s for 60 s each (apart_72h_link, apart_72h_bundles, newcomer_complete).
#include <cstdint>

#include "bench_row.hpp"

namespace airbridge::bench {

void wide_link(std::uint64_t events, TellRow tell);
void apart(std::uint64_t records, TellRow tell);
void newcomer(std::uint64_t events, TellRow tell);

}  // namespace airbridge::bench
