// airbridge: one program, its subcommands, and the help that teaches them.
#include <fmt/format.h>

#include <CLI/CLI.hpp>

#include "commands.hpp"
#include "config.hpp"
#include "trust/keys.hpp"
#include "version.hpp"

using namespace airbridge::app;

int main(int argc, char** argv) {
  if (!airbridge::trust::start()) {
    fmt::print(stderr, "airbridge: the operating system offers no random numbers; keys cannot be made or used\n");
    return 1;
  }
  CLI::App app{
      "Airbridge: one shared picture for airborne disaster response, on a box the team owns.\nStrictly civil: nothing "
      "here aims, fires or marks enemies.\n"};
  app.name("airbridge");
  app.require_subcommand(1);
  app.set_version_flag("--version", fmt::format("airbridge {}", version));
  const std::string first_picture =
      "A first picture in three commands:\n"
      "  airbridge init --dir ~/node --name \"POST 1\" --incident \"Flood exercise\" --exercise\n"
      "  airbridge node --dir ~/node\n"
      "  open http://127.0.0.1:8080 in a browser\n\n"
      "A second node that shares it:\n"
      "  airbridge invite --dir ~/node --out invitation.txt\n"
      "  airbridge init --dir ~/second --name \"TRUCK 2\" --join invitation.txt\n"
      "  airbridge node --dir ~/second --http 127.0.0.1:8081 --tak 127.0.0.1:8088 --listen 127.0.0.1:7421 --peer "
      "127.0.0.1:7420\n\n"
      "`airbridge SUBCOMMAND --help` says more; settings: `airbridge config`.";

  Common common;
  int status = 0;
  const auto add = [&](const char* name, const char* words, bool needs_node = true) {
    auto* sub = app.add_subcommand(name, words);
    sub->add_option("-d,--dir", common.dir, needs_node ? "the node's folder" : "the folder to make")
        ->envname("AIRBRIDGE_DIR")
        ->capture_default_str();
    return sub;
  };
  const auto add_url = [&](CLI::App* sub) {
    sub->add_option("--url", common.url, "host:port of a running node, when not the one of --dir");
  };

  InitOptions init;
  auto* init_command = add("init", "Make a node: its keys, and a new incident or an invitation to one", false);
  init_command->add_option("--name", init.name, "what others see, such as \"POST 1\"");
  init_command->add_option("--operator", init.operator_name,
                           "who works at it, such as \"Ana Kovac\"; Operator unless told");
  init_command->add_option("--incident", init.incident, "name of the incident to found");
  init_command->add_flag("--exercise", init.exercise, "it is an exercise: every screen and export says so, for good");
  init_command->add_option("--join", init.join, "file of an invitation (or - for standard input) instead of founding");
  init_command->callback([&] { status = run_init(common, init); });

  InviteOptions invite;
  auto* invite_command = add("invite", "Make an invitation for nodes to join (on the node that founded the incident)");
  invite_command->add_option("--days", invite.days, "how long it is meant to be used")
      ->check(CLI::Range(1, 365))
      ->capture_default_str();
  invite_command->add_option("-o,--out", invite.out, "new file to write (mode 0600); standard output unless told");
  invite_command->callback([&] { status = run_invite(common, invite); });

  NodeOptions node;
  auto* node_command = add("node", "Run the node until SIGTERM or Ctrl-C");
  node_command->add_option("-c,--config", node.config, "settings (TOML); DIR/airbridge.toml unless told");
  node_command->add_option("--set", node.set, "a setting, section.key=value; may be repeated")->allow_extra_args(false);
  node_command
      ->add_option(
          "--peer", node.peers,
          "another node to keep a link to, host:port or name=host:port?cost=N&budget=20MB/day; may be repeated")
      ->allow_extra_args(false);
  node_command->add_option("--bearer", node.bearers,
                           "a way to other nodes: lan, multicast://GROUP:PORT, udp://HOST:PORT, serial:///dev/TTY, "
                           "kiss-tcp://HOST:PORT, each with ?options; may be repeated");
  node_command->add_option("--listen", node.listen, "where other nodes may connect, host:port");
  node_command->add_option("--http", node.http, "where the page is, host:port");
  node_command->add_option("--tak", node.tak, "where TAK clients connect, host:port; off: not at all");
  node_command->add_option("--adsb", node.adsb, "SBS-1 source, host:30003; may be repeated")->allow_extra_args(false);
  node_command->add_flag("--insecure-lab", node.insecure_lab,
                         "allow listeners and --peer links beyond loopback although there is no log-in, and no "
                         "encryption of TCP, yet; shown red");
  node_command->callback([&] { status = run_node(common, node); });

  bool as_json = false;
  auto* status_command = add("status", "How a running node is doing: peers, feeds, store");
  status_command->add_flag("--json", as_json, "as JSON");
  add_url(status_command);
  status_command->callback([&] { status = run_status(common, as_json); });

  auto* conflicts_command = add("conflicts", "What people said in contradiction and a person must settle");
  conflicts_command->add_flag("--json", as_json, "as JSON");
  add_url(conflicts_command);
  conflicts_command->callback([&] { status = run_conflicts(common, as_json); });

  ResolveOptions resolve;
  auto* resolve_command = add("resolve", "Settle a conflict by choosing one of its values");
  resolve_command->add_option("record", resolve.entity, "its name, C-7K3QX, or its id")->required();
  resolve_command->add_option("field", resolve.field, "as airbridge conflicts prints it")->required();
  resolve_command->add_option("value", resolve.value, "the number of a value in the list, or the value itself")
      ->required();
  add_url(resolve_command);
  resolve_command->callback([&] { status = run_resolve(common, resolve); });

  std::string compared;
  auto* compare_command =
      add("compare", "Read the log again and compare what is stored with other nodes in reach; names every difference");
  compare_command->add_option("peer", compared, "name or key id of the node; all unless told");
  add_url(compare_command);
  compare_command->callback([&] { status = run_compare(common, compared); });

  EventsOptions events;
  auto* events_command = add("events", "The journal: what happened, who said so, when, from where");
  events_command->add_option("--after", events.after,
                             "begin after this arrival number, 0 with the first; the newest unless told");
  events_command->add_option("-n,--limit", events.limit, "at most so many")
      ->check(CLI::Range(1, 1000))
      ->capture_default_str();
  events_command->add_option("--record", events.record,
                             "only of this kind: unit, site, hazard, casualty, request, task, message, journal ...");
  events_command->add_option("--text", events.text, "only those with these words");
  events_command->add_flag("-f,--follow", events.follow, "go on as events arrive");
  events_command->add_flag("--json", events.as_json, "a JSON object a line");
  add_url(events_command);
  events_command->callback([&] { status = run_events(common, events); });

  std::vector<std::string> files;
  auto* import_command =
      add("import", "Take in files: Airbridge records (JSON), GeoJSON features, SBS-1 or aircraft.json recordings");
  import_command->add_option("files", files, "the files")->required();
  add_url(import_command);
  import_command->callback([&] { status = run_import(common, files); });

  std::string out;
  auto* export_command = add("export", "Write the picture as GeoJSON, without personal data");
  export_command->add_option("-o,--out", out, "file to write; standard output unless told");
  add_url(export_command);
  export_command->callback([&] { status = run_export(common, out); });

  ReplayOptions replay;
  auto* replay_command = add("replay", "Play the log again: the picture as this node knew it at a time (node stopped)");
  replay_command->add_option("--until", replay.until, "arrival time, 2026-03-14T03:10:00Z; everything unless told");
  replay_command->add_option("--speed", replay.speed, "0 at once, 1 as it happened, 60 a minute a second")
      ->check(CLI::Range(0.0, 1e6))
      ->capture_default_str();
  replay_command->add_flag("--verify", replay.verify, "check that the whole log refolds to the state of the snapshot");
  replay_command->add_option("--geojson", replay.geojson, "write the picture as it was then");
  replay_command->callback([&] { status = run_replay(common, replay); });

  std::string file;
  bool with_keys = false;
  auto* backup_command = add("backup", "Copy the incident into one file, while the node runs or not");
  backup_command->add_option("file", file, "the file to write")->required();
  backup_command->add_flag("--with-keys", with_keys,
                           "with the node's secret keys: a restore then is this node. Keep such a file like a key");
  add_url(backup_command);
  backup_command->callback([&] { status = run_backup(common, file, with_keys); });

  auto* restore_command = add("restore", "Make a node from a backup; it goes on under a new incarnation", false);
  RestoreOptions restore;
  restore_command->add_option("file", restore.file, "the backup")->required();
  restore_command->add_option("--join", restore.join, "file of an invitation, when the backup holds no keys");
  restore_command->add_option("--name", restore.name, "what others see, with --join");
  restore_command->add_option("--operator", restore.operator_name, "who works at it, with --join");
  restore_command->callback([&] { status = run_restore(common, restore); });

  BundleWriteOptions bundle;
  std::vector<std::string> bundle_files;
  std::string bundle_file;
  auto* bundle_command =
      app.add_subcommand("bundle", "Carry events in a file: on a stick, by e-mail, with any courier");
  bundle_command->require_subcommand(1);
  const auto add_bundle = [&](const char* name, const char* words) {
    auto* sub = bundle_command->add_subcommand(name, words);
    sub->add_option("-d,--dir", common.dir, "the node's folder")->envname("AIRBRIDGE_DIR")->capture_default_str();
    add_url(sub);
    return sub;
  };
  auto* bundle_write = add_bundle("write", "Write what others may lack, the most urgent first; everything unless told");
  bundle_write->add_option("file", bundle.file, "the file to write; further parts are FILE.part2, ...")->required();
  auto* bundle_for =
      bundle_write->add_option("--for", bundle.for_name,
                               "for whom: leaves out what that node is known to hold, or what was written for it last");
  auto* bundle_since =
      bundle_write->add_option("--since", bundle.since, "a bundle: leaves out what its writer held when it wrote it");
  bundle_write->add_flag("--all", bundle.all, "everything, also with --for")->excludes(bundle_since);
  bundle_since->excludes(bundle_for);
  bundle_write->add_option("--class", bundle.class_max, "0 urgent alone, 1 important too, 2 routine too")
      ->check(CLI::Range(0, 2))
      ->capture_default_str();
  bundle_write
      ->add_option("--max-size", bundle.max_size, "of each file, such as 20MB; one file unless told, at least 256KiB")
      ->transform(CLI::AsSizeValue(true));
  bundle_write->callback([&] { status = run_bundle_write(common, bundle); });
  auto* bundle_ask = add_bundle("ask", "Write what this node holds, so that another one can write what it lacks");
  bundle_ask->add_option("file", bundle.file, "the file to write")->required();
  bundle_ask->callback([&] {
    bundle.nothing = true;
    status = run_bundle_write(common, bundle);
  });
  auto* bundle_read = add_bundle("read", "Take bundles in; safe to do twice, in any order, and with damaged files");
  bundle_read->add_option("files", bundle_files, "the files, parts too")->required();
  bundle_read->callback([&] { status = run_bundle_read(common, bundle_files); });
  auto* bundle_info =
      bundle_command->add_subcommand("info", "What a bundle holds and whether it is whole; needs no node");
  bundle_info->add_option("file", bundle_file, "the file")->required();
  bundle_info->callback([&] { status = run_bundle_info(bundle_file); });

  auto* diagnose_command = add("diagnose", "Collect what helps to find a fault, without personal data");
  diagnose_command->add_option("-o,--out", out, "file to write; standard output unless told");
  add_url(diagnose_command);
  diagnose_command->callback([&] { status = run_diagnose(common, out); });

  bool document = false;
  auto* config_command = app.add_subcommand("config", "Print a settings file with every option explained");
  config_command->add_flag("--document", document, "as the table of docs/config.md");
  config_command->callback([&] { fmt::print("{}", document ? config_document() : config_template()); });

  app.add_subcommand("version", "Print version and build")->callback([&] { status = run_version(); });

  app.footer(first_picture);  // last: subcommands made after it would take it over
  try {
    app.parse(argc, argv);
  } catch (const CLI::ParseError& error) {
    const int code = app.exit(error);
    return code == 0 ? 0 : 2;
  } catch (const std::exception& error) {
    fmt::print(stderr, "airbridge: {}\n", error.what());
    return 1;
  }
  return status;
}
