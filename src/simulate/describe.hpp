#pragma once
// Messages in few words, for the story of a seed.
#include <string>

#include "sync/message.hpp"

namespace airbridge::simulate {

std::string describe(const sync::Message& message);
std::string describe_frame(ByteView frame);  // of a stream link

}  // namespace airbridge::simulate
