#pragma once
namespace airbridge::app {
inline constexpr const char* version = AIRBRIDGE_VERSION;
}
