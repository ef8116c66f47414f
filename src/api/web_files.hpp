#pragma once
// The page, as built into the program (cmake/EmbedWeb.cmake).
#include <vector>

#include "net/static_files.hpp"

namespace airbridge::api {
// Empty when the program was built without the page; the server then says how to build it.
std::vector<net::StaticFile> web_files();
}  // namespace airbridge::api
