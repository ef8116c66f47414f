#include "home.hpp"

#include <fcntl.h>
#include <fmt/format.h>
#include <sodium.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>
#include <cstring>
#include <utility>

#include "config.hpp"
#include "model/cbor.hpp"

namespace airbridge::app {
namespace fs = std::filesystem;
namespace {

constexpr std::string_view key_header = "airbridge ed25519 key 1";
constexpr std::string_view invitation_header = "airbridge-invitation-1:";
constexpr std::size_t small_file_max = 64 * 1024;
const model::GroupId care_group{{'c', 'a', 'r', 'e', 0, 0, 0, 0}};
constexpr Milliseconds grant_validity{std::int64_t{365} * 24 * 3'600'000};

auto fail(std::string text) { return failure(HomeError{std::move(text)}); }
std::string reason() { return std::strerror(errno); }

Result<void, HomeError> make_dir(const fs::path& path, int mode) {
  std::error_code error;
  fs::create_directories(path, error);
  if (error) return fail(fmt::format("cannot make the folder {}: {}", path.string(), error.message()));
  if (::chmod(path.c_str(), static_cast<mode_t>(mode)) != 0)
    return fail(fmt::format("cannot set the mode of {}: {}", path.string(), reason()));
  return {};
}

Result<void, HomeError> write_key(const fs::path& path, const trust::SigningKey& key) {
  return write_file(path, fmt::format("{}\nseed {}\npublic {}\n", key_header, key.seed().hex(), key.public_key().hex()),
                    0600);
}

Result<trust::SigningKey, HomeError> read_key(const fs::path& path) {
  struct stat info{};
  if (::stat(path.c_str(), &info) != 0)
    return fail(
        fmt::format("cannot read {}: {}; a node does not write without its keys: take them from a backup made with "
                    "--with-keys (airbridge restore --dir OTHER), or join under new ones (airbridge invite, airbridge "
                    "init --dir OTHER --join)",
                    path.string(), reason()));
  if ((info.st_mode & 077) != 0) {
    return fail(fmt::format("{} can be read by others (mode {:o}); run: chmod 600 {}", path.string(),
                            info.st_mode & 0777, path.string()));
  }
  const auto text = read_file(path, small_file_max);
  if (!text) return failure(text.error());
  const auto at = text->find("\nseed ");
  if (!text->starts_with(key_header) || at == std::string::npos || text->size() < at + 6 + 64) {
    return fail(fmt::format("{} is not an Airbridge key file", path.string()));
  }
  const auto seed = trust::SigningKey::Seed::from_hex(std::string_view(*text).substr(at + 6, 64));
  if (!seed) return fail(fmt::format("{}: the seed is not 64 hexadecimal digits", path.string()));
  return trust::SigningKey::from_seed(*seed);
}

void put_data_keys(model::cbor::Writer& out, const std::vector<trust::DataKey>& keys) {
  out.array(keys.size());
  for (const auto& key : keys) {
    out.array(3);
    out.bytes(key.group.view());
    out.uint(key.epoch);
    out.bytes(key.key.view());
  }
}

std::vector<trust::DataKey> get_data_keys(model::cbor::Reader& in) {
  std::vector<trust::DataKey> keys;
  const auto count = in.array(64);
  for (std::size_t i = 0; i < count && in.ok(); ++i) {
    if (in.array(3) != 3) in.fail(model::DecodeFault::WrongType);
    trust::DataKey key;
    const auto group = model::GroupId::from(in.bytes(model::GroupId::size));
    key.epoch = in.uint();
    const auto secret = decltype(key.key)::from(in.bytes(32));
    if (!group || !secret) {
      in.fail(model::DecodeFault::WrongType);
      break;
    }
    key.group = *group;
    key.key = *secret;
    keys.push_back(key);
  }
  return keys;
}

trust::Grant member_grant(const trust::SigningKey& key, trust::SubjectKind kind, trust::Role role, std::string name,
                          UtcTime now) {
  trust::Grant grant;
  grant.key = key.public_key();
  grant.subject = kind;
  grant.role = role;
  grant.name = std::move(name);
  grant.groups = {"care"};
  grant.from = now;
  grant.until = now + grant_validity;
  return grant;
}

// Names and first grants in one small file: what `found` and `join` leave for the first start.
Result<void, HomeError> write_home(const Home& home) {
  std::vector<std::pair<fs::path, int>> dirs{
      {home.dir, 0755}, {home.dir / "keys", 0700}, {home.incident_dir, 0700}, {home.store_dir(), 0700}};
  for (const auto& [path, mode] : dirs) {
    if (auto made = make_dir(path, mode); !made) return made;
  }
  Bytes grants;
  model::cbor::Writer out(grants);
  out.array(home.first_grants.size());
  for (const auto& grant : home.first_grants) out.bytes(trust::encode(grant));
  Bytes data_keys;
  model::cbor::Writer keys_out(data_keys);
  put_data_keys(keys_out, home.data_keys);

  const std::vector<std::tuple<fs::path, std::string, int>> files{
      {home.incident_dir / "genesis", std::string(as_text(model::encode(home.genesis))), 0644},
      {home.incident_dir / "first-grants", std::string(as_text(grants)), 0644},
      {home.incident_dir / "data.keys", std::string(as_text(data_keys)), 0600},
      {home.dir / "names", fmt::format("{}\n{}\n", home.name, home.operator_name), 0644},
      {home.dir / "airbridge.toml", config_template(), 0644},
  };
  for (const auto& [path, content, mode] : files) {
    if (auto written = write_file(path, content, mode); !written) return written;
  }
  if (auto written = write_key(home.dir / "keys" / "node.key", home.node_key); !written) return written;
  if (auto written = write_key(home.dir / "keys" / "operator.key", home.operator_key); !written) return written;
  if (home.authority_key) {
    if (auto written = write_key(home.dir / "keys" / "authority.key", *home.authority_key); !written) return written;
  }
  // Last: a folder without it is not a node, so an interrupted init can be repeated.
  return write_file(home.dir / "active", home.incident.hex().substr(0, 16) + "\n", 0644);
}

// Whether a node ever ran here, so that its keys signed something others may hold.
bool has_log(const fs::path& dir) {
  std::error_code error;
  for (const auto& incident : fs::directory_iterator(dir / "incidents", error)) {
    std::error_code unreadable;
    if (!fs::is_empty(incident.path() / "store", unreadable) && !unreadable) return true;
  }
  return false;
}

Result<void, HomeError> refuse_existing(const fs::path& dir) {
  if (fs::exists(dir / "active"))
    return fail(
        fmt::format("{} already holds a node; choose another folder with --dir, or remove it first", dir.string()));
  // An interrupted init left keys that nobody knows; they are made anew. Keys with a log are worth more than that.
  if (fs::exists(dir / "keys") && has_log(dir)) {
    return fail(fmt::format("{} holds keys and a log but no complete node; move it away first", dir.string()));
  }
  return {};
}

// What others are told: cut between characters, since half a character would make peers and browsers refuse all of it.
std::string one_line(std::string text) {
  for (auto& c : text) {
    if (static_cast<unsigned char>(c) < 0x20) c = ' ';
  }
  return model::cbor::clean_text(text, trust::grant_name_max);
}

}  // namespace

Result<void, HomeError> write_file(const fs::path& path, std::string_view content, int mode) {
  const auto temporary = path.string() + ".new";
  const int fd = ::open(temporary.c_str(), O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, static_cast<mode_t>(mode));
  if (fd < 0) return fail(fmt::format("cannot write {}: {}", temporary, reason()));
  bool good = ::fchmod(fd, static_cast<mode_t>(mode)) == 0;
  std::size_t done = 0;
  while (good && done < content.size()) {
    const auto n = ::write(fd, content.data() + done, content.size() - done);
    good = n > 0;
    if (good) done += static_cast<std::size_t>(n);
  }
  good = good && ::fsync(fd) == 0;
  const auto why = reason();
  ::close(fd);
  if (!good || ::rename(temporary.c_str(), path.c_str()) != 0)
    return fail(fmt::format("cannot write {}: {}", path.string(), good ? reason() : why));
  const int dir = ::open(path.parent_path().c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC);
  if (dir >= 0) {
    ::fsync(dir);
    ::close(dir);
  }
  return {};
}

Result<std::string, HomeError> read_file(const fs::path& path, std::size_t size_max) {
  const int fd = ::open(path.c_str(), O_RDONLY | O_CLOEXEC);
  if (fd < 0) return fail(fmt::format("cannot read {}: {}", path.string(), reason()));
  std::string content;
  char buffer[16 * 1024];
  for (;;) {
    const auto n = ::read(fd, buffer, sizeof buffer);
    if (n == 0) break;
    if (n < 0 || content.size() + static_cast<std::size_t>(n) > size_max) {
      const auto why = n < 0 ? reason() : fmt::format("it is larger than {} bytes", size_max);
      ::close(fd);
      return fail(fmt::format("cannot read {}: {}", path.string(), why));
    }
    content.append(buffer, static_cast<std::size_t>(n));
  }
  ::close(fd);
  return content;
}

Result<Home, HomeError> found(const fs::path& dir, const Founding& founding, UtcTime now) {
  if (auto fresh = refuse_existing(dir); !fresh) return failure(fresh.error());
  Home home{.dir = dir,
            .incident_dir = {},
            .name = one_line(founding.node_name),
            .operator_name = one_line(founding.operator_name),
            .node_key = trust::SigningKey::generate(),
            .operator_key = trust::SigningKey::generate(),
            .authority_key = trust::SigningKey::generate(),
            .genesis = {},
            .incident = {},
            .data_keys = {{care_group, 1, trust::random_fixed<decltype(trust::DataKey::key)>()}},
            .first_grants = {}};
  home.genesis = trust::make_genesis(*home.authority_key, founding.incident_name, founding.exercise, now);
  home.incident = model::incident_of(home.genesis);
  home.incident_dir = dir / "incidents" / home.incident.hex().substr(0, 16);
  home.first_grants = {trust::make_grant(*home.authority_key, home.incident,
                                         member_grant(home.node_key, trust::SubjectKind::Node, trust::Role::Coordinator,
                                                      home.name, now)),
                       trust::make_grant(*home.authority_key, home.incident,
                                         member_grant(home.operator_key, trust::SubjectKind::Person,
                                                      trust::Role::Coordinator, home.operator_name, now))};
  if (auto written = write_home(home); !written) return failure(written.error());
  return home;
}

Result<Invitation, HomeError> make_invitation(const Home& home, Milliseconds valid_for, UtcTime now) {
  if (!home.authority_key)
    return fail("this node holds no authority key: invite from the node that founded the incident");
  const auto key = trust::SigningKey::generate();
  auto grant = member_grant(key, trust::SubjectKind::Node, trust::Role::Enrolment, "invitation", now);
  grant.until = now + valid_for;
  return Invitation{home.genesis, key.seed(), trust::make_grant(*home.authority_key, home.incident, grant),
                    home.data_keys};
}

std::string to_text(const Invitation& invitation) {
  Bytes bytes;
  model::cbor::Writer out(bytes);
  out.array(4);
  out.bytes(model::encode(invitation.genesis));
  out.bytes(invitation.enrolment_seed.view());
  out.bytes(trust::encode(invitation.enrolment_grant));
  put_data_keys(out, invitation.data_keys);
  std::string text(sodium_base64_ENCODED_LEN(bytes.size(), sodium_base64_VARIANT_URLSAFE_NO_PADDING), '\0');
  sodium_bin2base64(text.data(), text.size(), bytes.data(), bytes.size(), sodium_base64_VARIANT_URLSAFE_NO_PADDING);
  text.resize(std::strlen(text.c_str()));
  return std::string(invitation_header) + text;
}

Result<Invitation, HomeError> invitation_from_text(std::string_view text) {
  while (!text.empty() && static_cast<unsigned char>(text.back()) <= ' ') text.remove_suffix(1);
  while (!text.empty() && static_cast<unsigned char>(text.front()) <= ' ') text.remove_prefix(1);
  if (!text.starts_with(invitation_header))
    return fail("this is not an Airbridge invitation; make one with `airbridge invite` on the founding node");
  text.remove_prefix(invitation_header.size());
  Bytes bytes(text.size() + 1);  // never null, also for nothing
  std::size_t length = 0;
  if (sodium_base642bin(bytes.data(), bytes.size(), text.data(), text.size(), nullptr, &length, nullptr,
                        sodium_base64_VARIANT_URLSAFE_NO_PADDING) != 0) {
    return fail("the invitation is damaged: copy the whole line");
  }
  bytes.resize(length);
  model::cbor::Reader in(bytes);
  if (in.array(4) != 4) in.fail(model::DecodeFault::WrongType);
  const auto genesis = model::decode_genesis(in.bytes(small_file_max));
  const auto seed = trust::SigningKey::Seed::from(in.bytes(32));
  const auto grant = trust::decode_grant(in.bytes(small_file_max));
  auto keys = get_data_keys(in);
  in.end();
  if (!in.ok() || !genesis || !seed || !grant) return fail("the invitation is damaged: copy the whole line");
  if (!trust::verify_genesis(*genesis) || !trust::verify_grant(*grant, model::incident_of(*genesis))) {
    return fail("the invitation's signatures do not hold: ask for a new one");
  }
  return Invitation{*genesis, *seed, *grant, std::move(keys)};
}

Result<Home, HomeError> join(const fs::path& dir, const Founding& names, const Invitation& invitation, UtcTime now) {
  if (auto fresh = refuse_existing(dir); !fresh) return failure(fresh.error());
  const auto enrolment = trust::SigningKey::from_seed(invitation.enrolment_seed);
  Home home{.dir = dir,
            .incident_dir = {},
            .name = one_line(names.node_name),
            .operator_name = one_line(names.operator_name),
            .node_key = trust::SigningKey::generate(),
            .operator_key = trust::SigningKey::generate(),
            .authority_key = std::nullopt,
            .genesis = invitation.genesis,
            .incident = model::incident_of(invitation.genesis),
            .data_keys = invitation.data_keys,
            .first_grants = {}};
  home.incident_dir = dir / "incidents" / home.incident.hex().substr(0, 16);
  home.first_grants = {
      invitation.enrolment_grant,
      trust::make_grant(enrolment, home.incident,
                        member_grant(home.node_key, trust::SubjectKind::Node, trust::Role::Responder, home.name, now)),
      trust::make_grant(enrolment, home.incident,
                        member_grant(home.operator_key, trust::SubjectKind::Person, trust::Role::Responder,
                                     home.operator_name, now))};
  if (auto written = write_home(home); !written) return failure(written.error());
  return home;
}

Result<Home, HomeError> restore_home(const fs::path& dir, const model::Genesis& genesis,
                                     const std::function<const Bytes*(const std::string& name)>& file) {
  if (auto fresh = refuse_existing(dir); !fresh) return failure(fresh.error());
  const auto incident = model::incident_of(genesis);
  const auto incident_dir = dir / "incidents" / incident.hex().substr(0, 16);
  const std::vector<std::pair<fs::path, int>> dirs{
      {dir, 0755}, {dir / "keys", 0700}, {incident_dir, 0700}, {incident_dir / "store", 0700}};
  for (const auto& [path, mode] : dirs) {
    if (auto made = make_dir(path, mode); !made) return failure(made.error());
  }
  const std::vector<std::tuple<std::string, fs::path, int>> files{
      {"node.key", dir / "keys" / "node.key", 0600},           {"operator.key", dir / "keys" / "operator.key", 0600},
      {"authority.key", dir / "keys" / "authority.key", 0600}, {"data.keys", incident_dir / "data.keys", 0600},
      {"first-grants", incident_dir / "first-grants", 0644},   {"names", dir / "names", 0644},
      {"airbridge.toml", dir / "airbridge.toml", 0644},        {"genesis", incident_dir / "genesis", 0644}};
  for (const auto& [name, path, mode] : files) {
    const auto* content = file(name);
    if (content == nullptr) continue;
    if (auto written = write_file(path, as_text(*content), mode); !written) return failure(written.error());
  }
  if (auto written = write_file(dir / "active", incident.hex().substr(0, 16) + "\n", 0644); !written)
    return failure(written.error());
  return open_home(dir);
}

std::string no_node_in(const fs::path& dir) {
  return fmt::format("there is no node in {}; make one with: airbridge init --dir {}", dir.string(), dir.string());
}

Result<Home, HomeError> open_home(const fs::path& dir) {
  if (!fs::exists(dir / "active")) return fail(no_node_in(dir));
  const auto active = read_file(dir / "active", small_file_max);
  if (!active) return failure(active.error());
  const auto incident_dir = dir / "incidents" / active->substr(0, active->find('\n'));
  const auto genesis_bytes = read_file(incident_dir / "genesis", small_file_max);
  if (!genesis_bytes) return failure(genesis_bytes.error());
  const auto genesis = model::decode_genesis(as_bytes(*genesis_bytes));
  if (!genesis || !trust::verify_genesis(*genesis))
    return fail(fmt::format("{}/genesis is damaged; restore it from a backup", incident_dir.string()));
  auto node_key = read_key(dir / "keys" / "node.key");
  if (!node_key) return failure(node_key.error());
  auto operator_key = read_key(dir / "keys" / "operator.key");
  if (!operator_key) return failure(operator_key.error());
  std::optional<trust::SigningKey> authority_key;
  if (fs::exists(dir / "keys" / "authority.key")) {
    auto key = read_key(dir / "keys" / "authority.key");
    if (!key) return failure(key.error());
    authority_key = std::move(*key);
  }
  const auto names = read_file(dir / "names", small_file_max);
  if (!names) return failure(names.error());
  const auto first_end = names->find('\n');
  const auto second_end = names->find('\n', first_end + 1);

  Home home{.dir = dir,
            .incident_dir = incident_dir,
            .name = one_line(names->substr(0, first_end)),
            .operator_name = first_end == std::string::npos
                                 ? ""
                                 : one_line(names->substr(first_end + 1, second_end - first_end - 1)),
            .node_key = std::move(*node_key),
            .operator_key = std::move(*operator_key),
            .authority_key = std::move(authority_key),
            .genesis = *genesis,
            .incident = model::incident_of(*genesis),
            .data_keys = {},
            .first_grants = {}};
  if (const auto keys = read_file(incident_dir / "data.keys", small_file_max)) {
    model::cbor::Reader in(as_bytes(*keys));
    home.data_keys = get_data_keys(in);
    if (!in.ok()) return fail(fmt::format("{}/data.keys is damaged; restore it from a backup", incident_dir.string()));
  }
  if (const auto grants = read_file(incident_dir / "first-grants", small_file_max)) {
    model::cbor::Reader in(as_bytes(*grants));
    const auto count = in.array(16);
    for (std::size_t i = 0; i < count && in.ok(); ++i) {
      if (const auto grant = trust::decode_grant(in.bytes(small_file_max))) home.first_grants.push_back(*grant);
    }
  }
  return home;
}

}  // namespace airbridge::app
