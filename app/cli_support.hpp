#pragma once
// What several subcommands share.
#include <fmt/format.h>

#include <boost/json.hpp>
#include <string>

#include "commands.hpp"
#include "http_client.hpp"

namespace airbridge::app {

template <class... T>
int complain(fmt::format_string<T...> text, T&&... values) {
  fmt::print(stderr, "airbridge: {}\n", fmt::format(text, std::forward<T>(values)...));
  return 1;
}

// "127.0.0.1:8080" of "http://127.0.0.1:8080/", as `status` prints it; host:port stays as it is.
std::string address_of_url(std::string_view url);
// Where the node of this folder answers, from DIR/running; empty when it does not run.
std::string running_address(const Common& common);
inline constexpr const char* running_file = "running";

// GET or POST to the running node, answer parsed; the error names the address.
Result<boost::json::value, std::string> call_node(const std::string& address, std::string_view method,
                                                  std::string_view path, std::string_view body = {});

// Text from outside, made safe for a terminal: control characters become spaces.
std::string printable(std::string_view text);
// Members of an answer, as safe text or as what stands for "not there": empty, 0, false, no items.
std::string text_at(const boost::json::object& object, std::string_view key, std::string otherwise = {});
std::int64_t number_at(const boost::json::object& object, std::string_view key);
bool flag_at(const boost::json::object& object, std::string_view key);
const boost::json::array& list_at(const boost::json::object& object, std::string_view key);
// "3 s", "4 min", "2 h", "5 d".
std::string age_words(std::int64_t ms);

}  // namespace airbridge::app
