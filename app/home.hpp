#pragma once
// A node's folder on disk:
//
//   DIR/airbridge.toml                 settings
//   DIR/keys/                          mode 0700; node.key, operator.key, and on the founder's node authority.key
//   DIR/incidents/<16 hex>/            one folder an incident: genesis, data keys, the store
//   DIR/own-position                   where a person said the node is (own_position.hpp)
//   DIR/active                         the incident this node works in
//   DIR/clients/                       names given to devices
//
// Keys are made on the device from the operating system's generator, mode 0600, and never leave it.
#include <filesystem>
#include <functional>
#include <optional>
#include <string>
#include <vector>

#include "base/result.hpp"
#include "model/entry.hpp"
#include "trust/keys.hpp"
#include "trust/private_part.hpp"
#include "trust/roster.hpp"

namespace airbridge::app {

struct HomeError {
  std::string text;  // what failed, on which file, and what to do
};

struct Home {
  std::filesystem::path dir;
  std::filesystem::path incident_dir;
  std::string name;  // of the node
  std::string operator_name;
  trust::SigningKey node_key;
  trust::SigningKey operator_key;
  std::optional<trust::SigningKey> authority_key;
  model::Genesis genesis;
  model::IncidentId incident;
  std::vector<trust::DataKey> data_keys;
  std::vector<trust::Grant> first_grants;  // to be recorded as the node's first events

  std::filesystem::path store_dir() const { return incident_dir / "store"; }
};

struct Founding {
  std::string node_name;
  std::string operator_name;
  std::string incident_name;
  bool exercise = false;
};

// Makes the folder: keys, a one-authority genesis, grants for node and operator. Refuses a folder that holds a node.
Result<Home, HomeError> found(const std::filesystem::path& dir, const Founding& founding, UtcTime now);

// An invitation lets one newcomer join: genesis, an enrolment key's seed with the authority's grant for it, and the
// data keys. Whoever holds the file can join, so hand it over as you would hand over a key. Text, one line of base64.
struct Invitation {
  model::Genesis genesis;
  trust::SigningKey::Seed enrolment_seed;
  trust::Grant enrolment_grant;
  std::vector<trust::DataKey> data_keys;
};
Result<Invitation, HomeError> make_invitation(const Home& home, Milliseconds valid_for, UtcTime now);
std::string to_text(const Invitation& invitation);
Result<Invitation, HomeError> invitation_from_text(std::string_view text);
// Makes a node that joins: its own keys, grants signed by the enrolment key.
Result<Home, HomeError> join(const std::filesystem::path& dir, const Founding& names, const Invitation& invitation,
                             UtcTime now);

// Makes the folder from what a backup with keys holds: node.key, operator.key, authority.key, data.keys, names,
// first-grants; `file` gives each by its name, or null.
Result<Home, HomeError> restore_home(const std::filesystem::path& dir, const model::Genesis& genesis,
                                     const std::function<const Bytes*(const std::string& name)>& file);

std::string no_node_in(const std::filesystem::path& dir);  // in words, with what to do
Result<Home, HomeError> open_home(const std::filesystem::path& dir);

// Files of `mode`, written to a temporary name, synced and renamed.
Result<void, HomeError> write_file(const std::filesystem::path& path, std::string_view content, int mode);
Result<std::string, HomeError> read_file(const std::filesystem::path& path, std::size_t size_max);

}  // namespace airbridge::app
