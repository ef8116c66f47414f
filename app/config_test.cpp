#include "config.hpp"

#include "peer_address.hpp"

#include <doctest/doctest.h>
#include <fmt/format.h>

#include <algorithm>
#include <cstdlib>

#include "test_world.hpp"

using namespace airbridge::app;
using namespace airbridge::app::test;

namespace {

std::string error_of(const Folder& folder, std::string_view toml) {
  const auto file = folder / "node.toml";
  write_text(file, toml);
  Config config;
  const auto loaded = load_config(file.string(), config);
  return loaded ? std::string() : loaded.error().text;
}

struct EnvironmentValue {
  std::string name;
  EnvironmentValue(std::string n, const std::string& value) : name(std::move(n)) {
    ::setenv(name.c_str(), value.c_str(), 1);
  }
  ~EnvironmentValue() { ::unsetenv(name.c_str()); }
  EnvironmentValue(const EnvironmentValue&) = delete;
  EnvironmentValue& operator=(const EnvironmentValue&) = delete;
};

}  // namespace

TEST_CASE("a fault in the settings names file, line and key, and what would be right") {
  const Folder folder;
  const auto file = (folder / "node.toml").string();
  const struct {
    std::string_view toml, place, words;
  } rows[] = {
      {"[tak]\n\nclient_max = 5\n", ":3", "there is no option tak.client_max; did you mean tak.clients_max?"},
      {"[tak]\nlistens = \"x\"\n", ":2", "did you mean tak.listen?"},
      {"[nothing]\nwhatever = 1\n", ":2", "there is no option nothing.whatever"},
      {"# settings\n[tak]\nclients_max = \"many\"\n", ":3", "tak.clients_max: must be a number"},
      {"[tak]\nclients_max = 0\n", ":2", "tak.clients_max: must be 1..10000, is 0"},
      {"[tak]\nclients_max = 1.5\n", ":2", "tak.clients_max: must be a whole number"},
      {"[tak]\nclients_max = nan\n", ":2", "tak.clients_max: must be 1..10000"},
      {"[tak]\nclients_max = 99999999999999\n", ":2", "tak.clients_max: must be 1..10000"},
      {"[tak]\nenabled = \"yes\"\n", ":2", "tak.enabled: must be true or false"},
      {"[http]\nlisten = 8080\n", ":2", "http.listen: must be text in quotes"},
      {"[http.listen]\nport = 8080\n", ":1", "http.listen: must be text in quotes"},
      {"[peers]\nconnect = \"a:1\"\n", ":2", "peers.connect: must be a list of texts"},
      {"[peers]\nconnect = [\"a:1\", 2]\n", ":2", "peers.connect: must be a list of texts"},
      {"[position]\nlatitude = 91.0\n", ":2", "position.latitude: must be -90..90, is 91"},
      {"[log]\nlevel = \"loud\"\n", ":2", "log.level: must be one of debug, info, warn, error, is \"loud\""},
      {"[node]\nprofile = \"tank\"\n", ":2", "node.profile: must be one of post, vehicle, portable"},
      {"listen = \"127.0.0.1:1\"\n", ":1", "listen stands outside a section"},
      {"[tak]\nlisten = \"open\n", ":2:", ""},
      {"[tak\n", ":1:", ""},
  };
  for (const auto& row : rows) {
    CAPTURE(row.toml);
    const auto error = error_of(folder, row.toml);
    CAPTURE(error);
    CHECK(error.starts_with(file + std::string(row.place)));
    CHECK(error.find(row.words) != std::string::npos);
  }
}

TEST_CASE("a settings file that is not there is an error that names it") {
  Config config;
  const auto loaded = load_config("/nonexistent/airbridge.toml", config);
  REQUIRE_FALSE(loaded);
  CHECK(loaded.error().text.starts_with("/nonexistent/airbridge.toml: "));
  CHECK(loaded.error().text.find(":0") == std::string::npos);
}

TEST_CASE("half a position and a port without an address are refused where they were said") {
  const Folder folder;
  const auto dir = (folder / "n").string();
  init_node(dir, "POST 1");
  const auto file = dir + "/airbridge.toml";
  const struct {
    std::string_view toml, says;
  } rows[] = {
      {"[position]\nlatitude = 46.0\n", ":2: position.latitude: position.longitude is missing"},
      {"[position]\n\nlongitude = 7.0\n", ":3: position.longitude: position.latitude is missing"},
      {"[position]\nheight_m = 7.0\n", ":2: position.height_m: position.latitude and position.longitude are missing"},
      {"[http]\nlisten = \"8080\"\n",
       ":2: http.listen: \"8080\" is a port without an address; write \"127.0.0.1:8080\""},
      {"[tak]\nlisten = \":8087\"\n",
       ":2: tak.listen: \":8087\" is a port without an address; write \"127.0.0.1:8087\""},
  };
  for (const auto& row : rows) {
    CAPTURE(row.toml);
    write_text(file, row.toml);
    const auto ended = run({"node", "--dir", dir});
    CAPTURE(ended.err);
    CHECK(ended.status == 2);
    CHECK(ended.err.find(file + std::string(row.says)) != std::string::npos);
  }
  const auto option =
      run({"node", "--dir", dir, "--http", "8080", "--set", "position.latitude=1", "--set", "position.longitude=1"});
  CHECK(option.err.find("--http: http.listen: \"8080\" is a port") != std::string::npos);
}

TEST_CASE("a variable that only looks like a setting is named, with what was meant") {
  const EnvironmentValue slip("AIRBRIDGE_TAK_LISTN", "127.0.0.1:1"), other("AIRBRIDGE_QQQ", "1"),
      folder("AIRBRIDGE_DIR", "/tmp"), right("AIRBRIDGE_TAK_LISTEN", "127.0.0.1:2");
  auto words = unknown_environment();
  std::erase_if(words, [](const auto& one) {
    return one.find("AIRBRIDGE_TAK_LISTN") == std::string::npos && one.find("AIRBRIDGE_QQQ") == std::string::npos;
  });
  std::sort(words.begin(), words.end());
  REQUIRE(words.size() == 2);
  CHECK(words[0].find("environment AIRBRIDGE_QQQ: there is no such setting") == 0);
  CHECK(words[1].find("did you mean AIRBRIDGE_TAK_LISTEN?") != std::string::npos);
  const auto ended = run({"node", "--dir", "/nonexistent"}, {{"AIRBRIDGE_HTTP_LISTN", "x"}});
  CHECK(ended.err.find("did you mean AIRBRIDGE_HTTP_LISTEN?") != std::string::npos);
}

TEST_CASE("a file that cannot be opened is named with its setting and the folder where it was looked for") {
  const Folder folder;
  init_node(folder / "n", "POST 1");
  TestNode node(folder / "n", {"--set", "adsb.files=nothere.sbs", "--set", "maps.files=/nothere.mbtiles"});
  const auto text = node.get("/api/v1/status").text;
  CAPTURE(text);
  CHECK(text.find("adsb.files: nothere.sbs: cannot open") != std::string::npos);
  CHECK(text.find(fmt::format("(looked for in {})", fs::current_path().string())) != std::string::npos);
  CHECK(text.find("maps.files: /nothere.mbtiles") != std::string::npos);
}

TEST_CASE("the environment stands above the file, and --set above both") {
  const Folder folder;
  write_text(folder / "node.toml", "[tak]\nclients_max = 7\nidle_seconds = 60\n[peers]\nconnect = [\"a:1\"]\n");
  const EnvironmentValue clients("AIRBRIDGE_TAK_CLIENTS_MAX", "8"), peers("AIRBRIDGE_PEERS_CONNECT", "b:2,c:3");
  Config config;
  REQUIRE(load_config((folder / "node.toml").string(), config));
  CHECK(config.tak_clients_max == 8);
  CHECK(config.tak_idle_seconds == 60);
  CHECK(config.peers == std::vector<std::string>{"b:2", "c:3"});
  REQUIRE(set_option(config, "--set", "tak.clients_max", "9"));
  CHECK(config.tak_clients_max == 9);
  REQUIRE(set_option(config, "--set", "peers.connect", ""));
  CHECK(config.peers.empty());
}

TEST_CASE("the profile sets a few defaults, and every option that is said stands above them") {
  CHECK(defaults_of("post").tak_clients_max == Config().tak_clients_max);
  CHECK(defaults_of("vehicle").tak_clients_max < Config().tak_clients_max);
  CHECK(defaults_of("portable").log_level == "warn");
  CHECK(config_document().find("vehicle 50, portable 10") != std::string::npos);

  const Folder folder;
  init_node(folder / "n", "N1");
  const auto dir = (folder / "n").string();
  const Env portable{{"AIRBRIDGE_NODE_PROFILE", "portable"}};
  {
    TestNode node(folder / "n", {}, portable);  // says it is running at level info, which portable does not
    CHECK(node.status().at("node").at("profile") == "portable");
    CHECK(node.log().find("info  node: running") == std::string::npos);
    CHECK(node.stop() == 0);
  }
  TestNode node(folder / "n", {"--set", "log.level=info"}, portable);
  CHECK(eventually([&] { return node.log().find("info  node: running") != std::string::npos; }));
}

TEST_CASE("a fault in the environment or in --set names where it stands") {
  Config config;
  {
    const EnvironmentValue wrong("AIRBRIDGE_TAK_CLIENTS_MAX", "zero");
    const auto loaded = load_config("", config);
    REQUIRE_FALSE(loaded);
    CHECK(loaded.error().text == "environment AIRBRIDGE_TAK_CLIENTS_MAX: must be a number, is \"zero\"");
  }
  const struct {
    std::string key, value, words;
  } rows[] = {
      {"tak.clients_max", "0", "--set: tak.clients_max: must be 1..10000, is 0"},
      {"tak.clients_max", "nan", "--set: tak.clients_max: must be 1..10000"},
      {"tak.clients_max", "5x", "must be a number, is \"5x\""},
      {"tak", "0", "there is no option tak"},
      {"tak.enable", "true", "did you mean tak.enabled?"},
      {"tak.enabled", "maybe", "must be true or false, is \"maybe\""},
      {"zzz.qqq", "1", "see `airbridge config`"},
  };
  for (const auto& row : rows) {
    CAPTURE(row.key);
    const auto set = set_option(config, "--set", row.key, row.value);
    REQUIRE_FALSE(set);
    CAPTURE(set.error().text);
    CHECK(set.error().text.find(row.words) != std::string::npos);
  }
}

TEST_CASE("the template parses, and so it does with every option uncommented") {
  const Folder folder;
  CHECK(error_of(folder, config_template()) == "");
  std::string active;
  std::size_t from = 0, options = 0;
  const auto text = config_template();
  while (from < text.size()) {
    const auto end = text.find('\n', from);
    auto line = text.substr(from, end - from);
    from = end + 1;
    if (line.starts_with("#") && !line.starts_with("# ")) line.erase(0, 1), ++options;
    active += line + "\n";
  }
  CHECK(error_of(folder, active) == "");
  CHECK(options > 20);
}

TEST_CASE("docs/config.md says what the program knows") {
  CHECK(read_text(std::string(AIRBRIDGE_SOURCE_DIR) + "/docs/config.md") == config_document());
}

TEST_CASE("each wrong settings file is refused as a whole") {
  const auto folder = fs::path(AIRBRIDGE_SOURCE_DIR) / "test/data/config";
  std::size_t files = 0;
  for (const auto& entry : fs::directory_iterator(folder)) {
    if (entry.path().extension() != ".toml") continue;
    CAPTURE(entry.path().string());
    ++files;
    const bool good = entry.path().filename().string().starts_with("good_");
    Config config;
    const auto loaded = load_config(entry.path().string(), config);
    CHECK(loaded.has_value() == good);
    // The first line of a wrong file says what its error must hold.
    if (good || loaded) continue;
    const auto text = read_text(entry.path());
    const auto expected = text.substr(2, text.find('\n') - 2);
    CAPTURE(expected);
    CAPTURE(loaded.error().text);
    CHECK(loaded.error().text.find(expected) != std::string::npos);
  }
  CHECK(files >= 5);
}

TEST_CASE("the program stops at a wrong setting, and says where") {
  const Folder folder;
  const auto dir = (folder / "n").string();
  init_node(dir, "POST 1");
  write_text(folder / "n/airbridge.toml", "[http]\n\nlistenn = \"127.0.0.1:0\"\n");
  const auto ended = run({"node", "--dir", dir});
  CHECK(ended.status == 2);
  CHECK(ended.err.find("airbridge.toml:3: there is no option http.listenn; did you mean http.listen?") !=
        std::string::npos);
  CHECK(run({"node", "--dir", dir, "--config", "/nonexistent.toml"}).status == 2);
  CHECK(run({"node", "--dir", dir, "--set", "http.listen"}).status == 2);
}

TEST_CASE("a listener beyond loopback needs --insecure-lab, and the status then says so") {
  const Folder folder;
  const auto dir = (folder / "n").string();
  init_node(dir, "POST 1");
  const std::string here = "127.0.0.1:0", everywhere = "0.0.0.0:0";
  const std::vector<Args> rows{{"--http", everywhere, "--tak", here, "--listen", here},
                               {"--http", here, "--tak", everywhere, "--listen", here},
                               {"--http", here, "--tak", here, "--listen", everywhere}};
  for (const auto& row : rows) {
    Args args{"node", "--dir", dir};
    args.insert(args.end(), row.begin(), row.end());
    const auto ended = run(args);
    CHECK(ended.status == 1);
    CHECK(ended.err.find("leaves this machine") != std::string::npos);
    CHECK(ended.err.find("--insecure-lab") != std::string::npos);
    CHECK_FALSE(fs::exists(folder / "n/running"));
  }
  TestNode node(dir, {"--tak", everywhere, "--insecure-lab"});
  CHECK(node.status().at("insecure_lab").as_bool());
  CHECK(node.process().out().find("INSECURE LAB") != std::string::npos);
  CHECK(node.stop() == 0);
  node.set_args({});
  node.start();
  CHECK_FALSE(node.status().at("insecure_lab").as_bool());
}

TEST_CASE("another node may be named with the way it is reached and what that costs") {
  const auto plain = peer_address("peers.connect", "127.0.0.1:7420", 7420, false);
  REQUIRE(plain);
  CHECK(plain->bearer.empty());
  CHECK(plain->cost == 0);
  const auto lte = peer_address("peers.connect", "lte=127.0.0.1?cost=3&budget=20MB/day&heartbeat=60s", 7420, false);
  REQUIRE(lte);
  CHECK(lte->bearer == "lte");
  CHECK(lte->to.port == 7420);
  CHECK(lte->cost == 3);
  CHECK(lte->budget_bytes_per_day == 20'000'000);
  CHECK(lte->heartbeat == airbridge::Milliseconds(60'000));
  for (const std::string text :
       {"=127.0.0.1", "l te=127.0.0.1", "127.0.0.1?cost=2", "127.0.0.1?budget=1MB/day", "a=127.0.0.1?cost=x",
        "a=127.0.0.1?cost=1001", "a=127.0.0.1?budget=20", "a=127.0.0.1?budget=99999999999999999999GB/day",
        "a=127.0.0.1?heartbeat=0s", "a=127.0.0.1?heartbeat=60", "a=127.0.0.1?colour=red", "a=127.0.0.1:99999?cost=1",
        "a=10.0.0.1?cost=1"}) {
    const auto wrong = peer_address("peers.connect", text, 7420, false);
    REQUIRE(!wrong);
    INFO(wrong.error());
    CHECK(wrong.error().starts_with("peers.connect"));
  }
}

TEST_CASE("a bearer that is none stops the start with the line it stands on") {
  const Folder folder;
  const auto file = (folder / "node.toml").string();
  write_text(file, "[bearers]\nuse = [\"lan\", \"udp://post.example:4610?rate=fast\"]\n");
  Config config;
  REQUIRE(load_config(file, config));
  const auto checked = check_config(config);
  REQUIRE_FALSE(checked);
  CHECK(checked.error().text ==
        file +
            ":2: bearers.use: \"udp://post.example:4610?rate=fast\": rate must be a rate in bit/s such as 2400, 64k or "
            "1.5M, is \"fast\"");
}
