#!/usr/bin/env bash
# The page in real Chromium against a real node with the demonstration: makes a node in a temporary folder on free ports,
# runs web/test/browser.mjs, stops the node by its id. usage: test/browser.sh PROGRAM [--shots FOLDER]
set -euo pipefail
cd "$(dirname "$0")/.."
program=$1
shift
home=$(mktemp -d)
pid=
alone=
finish() {
  for one in $pid $alone; do kill "$one" 2>/dev/null && wait "$one" 2>/dev/null; done
  rm -rf "$home"
}
trap finish EXIT
"$program" init --dir "$home/node" --name "POST 1" --operator "Test" --incident "Browser test" --exercise >/dev/null
"$program" import --dir "$home/node" demo/thames_flood.json
"$program" node --dir "$home/node" --config demo/demo.toml --http 127.0.0.1:0 --tak 127.0.0.1:0 --listen 127.0.0.1:0 --insecure-lab >"$home/log" 2>&1 &
pid=$!
# A second one, whose only neighbour is not there.
"$program" init --dir "$home/alone" --name "TRUCK 9" --operator "Test" --incident "Browser test" --exercise >/dev/null
"$program" node --dir "$home/alone" --http 127.0.0.1:0 --tak off --listen 127.0.0.1:0 --peer 127.0.0.1:1 >"$home/alone.log" 2>&1 &
alone=$!
for _ in $(seq 100); do
  [ -s "$home/node/running" ] && [ -s "$home/alone/running" ] && break
  kill -0 "$pid" 2>/dev/null || { cat "$home/log"; exit 1; }
  kill -0 "$alone" 2>/dev/null || { cat "$home/alone.log"; exit 1; }
  sleep 0.2
done
address=$(cut -d' ' -f2 "$home/node/running")
status=0
node web/test/browser.mjs --url "http://$address" --node-pid "$pid" --lab --program "$program" --alone-url "http://$(cut -d' ' -f2 "$home/alone/running")" "$@" || status=$?
kill "$pid"
wait "$pid" || { status=1; echo "the node did not stop cleanly"; tail -20 "$home/log"; }
pid=
kill "$alone"
wait "$alone" || { status=1; echo "the second node did not stop cleanly"; tail -20 "$home/alone.log"; }
alone=
exit $status
