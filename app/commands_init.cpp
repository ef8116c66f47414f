// init, invite, version: what works without a running node.
#include <sys/utsname.h>
#include <unistd.h>

#include <filesystem>
#include <iostream>
#include <iterator>

#include "cli_support.hpp"
#include "home.hpp"
#include "version.hpp"

namespace airbridge::app {
namespace {

std::string host_name() {
  char name[256] = {};
  if (::gethostname(name, sizeof name - 1) != 0) return "node";
  return name;
}

// A name that others will see otherwise than it was typed: cut, or without its line breaks.
void note_changed(std::string_view what, const std::string& said, const std::string& became) {
  if (said == became) return;
  fmt::print(stderr, "airbridge: the {}'s name was changed to \"{}\": it is one line of UTF-8, at most {} bytes\n",
             what, became, trust::grant_name_max);
}

void explain(const Home& home, const Common& common, const Founding& names) {
  note_changed("node", names.node_name, home.name);
  note_changed("operator", names.operator_name, home.operator_name);
  fmt::print("Node \"{}\" of operator \"{}\" made in {}\n", home.name, home.operator_name, common.dir);
  fmt::print("Incident \"{}\"{} {}\n", printable(home.genesis.name), home.genesis.exercise ? " (EXERCISE)" : "",
             home.incident.hex().substr(0, 16));
  if (home.authority_key && !home.genesis.exercise)
    fmt::print("This is a real incident. If you only practise, make it anew with --exercise.\n");
  fmt::print("Settings: {}/airbridge.toml\n", common.dir);
  if (home.authority_key) {
    fmt::print("This node holds the incident's authority key: keep a copy of {}/keys/authority.key in a safe place.\n",
               common.dir);
  }
  fmt::print("Start it: airbridge node --dir {}\n", common.dir);
}

}  // namespace

int run_init(const Common& common, const InitOptions& options) {
  const auto now = SystemClock().now().utc;
  Founding names{options.name.empty() ? host_name() : options.name,
                 options.operator_name.empty() ? "Operator" : options.operator_name, options.incident,
                 options.exercise};
  if (options.join.empty()) {
    if (options.incident.empty())
      return complain("name the incident with --incident \"...\", or join one with --join FILE"), 2;
    const auto home = found(common.dir, names, now);
    if (!home) return complain("{}", home.error().text);
    explain(*home, common, names);
    return 0;
  }
  std::string text;
  if (options.join == "-") {
    text.assign(std::istreambuf_iterator<char>(std::cin), {});
  } else {
    const auto content = read_file(options.join, 64 * 1024);
    if (!content) return complain("{}", content.error().text);
    text = *content;
  }
  const auto invitation = invitation_from_text(text);
  if (!invitation) return complain("{}", invitation.error().text);
  if (invitation->enrolment_grant.until < now) {
    fmt::print(
        stderr,
        "airbridge: the invitation was meant to be used before {}; going on, as clocks in the field are often wrong\n",
        format_utc(invitation->enrolment_grant.until));
  }
  const auto home = join(common.dir, names, *invitation, now);
  if (!home) return complain("{}", home.error().text);
  explain(*home, common, names);
  return 0;
}

int run_invite(const Common& common, const InviteOptions& options) {
  if (!options.out.empty() && std::filesystem::exists(options.out))
    return complain("{} exists already; choose another name", options.out);
  const auto home = open_home(common.dir);
  if (!home) return complain("{}", home.error().text);
  const auto now = SystemClock().now().utc;
  const auto invitation = make_invitation(*home, Milliseconds(std::int64_t{options.days} * 24 * 3'600'000), now);
  if (!invitation) return complain("{}", invitation.error().text);
  const auto text = to_text(*invitation) + "\n";
  if (options.out.empty()) {
    fmt::print("{}", text);
    return 0;
  }
  if (const auto written = write_file(options.out, text, 0600); !written) return complain("{}", written.error().text);
  fmt::print("Invitation to \"{}\" in {}. Whoever holds it can join and read personal data: hand it over like a key.\n",
             printable(home->genesis.name), options.out);
  return 0;
}

int run_version() {
  utsname system{};
  ::uname(&system);
  fmt::print("airbridge {}\nevent format 1, store format 2, sync protocol 1\nbuilt {} with {} for {}\n", version,
#ifdef NDEBUG
             "optimised",
#else
             "for debugging",
#endif
             __VERSION__, system.machine);
  return 0;
}

}  // namespace airbridge::app
