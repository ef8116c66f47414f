// A development aid, not part of Airbridge: speaks docs/protocol/api.md with made-up data, so that the page can be
// worked on and measured without a node. `--swarm N` adds N moving tracks, all sent once a second in one delta.
// `--cut-off` hears no other node.
//
//   node dev/mock_server.mjs [--port 8099] [--swarm 5000] [--dist dist]
import { createHash } from 'node:crypto';
import { existsSync, readFileSync } from 'node:fs';
import { createServer } from 'node:http';
import { dirname, extname, join, normalize } from 'node:path';
import { fileURLToPath } from 'node:url';
import { WebSocketServer } from 'ws';
import { make_swarm, make_world, move } from './mock_world.mjs';

const here = dirname(fileURLToPath(import.meta.url));
const policy =
  "default-src 'self'; img-src 'self' data: blob:; worker-src 'self' blob:; style-src 'self' 'unsafe-inline'; connect-src 'self'";
const types = {
  '.html': 'text/html',
  '.js': 'text/javascript',
  '.mjs': 'text/javascript',
  '.css': 'text/css',
  '.json': 'application/json',
  '.svg': 'image/svg+xml',
  '.woff2': 'font/woff2',
};

export async function start_mock({
  port = 0,
  swarm = 0,
  cut_off = false,
  dist = join(here, '../dist'),
  quiet = true,
} = {}) {
  const epoch = createHash('sha256').update(String(process.hrtime.bigint())).digest('hex').slice(0, 16);
  const world = make_world(Date.now());
  const schema = JSON.parse(readFileSync(join(here, 'schema.json'), 'utf8'));
  const field_rule = (record, field) =>
    [...schema.common, ...(schema.records.find((r) => r.name === record)?.fields ?? [])].find(
      (f) => f.name === field,
    );
  let own = { lat: 46.5936, lon: 7.9077, at_ms: Date.now(), source: 'config' };
  let seq = 1;
  const events = [];
  const answers = new Map();
  for (const track of make_swarm(swarm, Date.now())) world.tracks.set(track.id, track);
  const node = { id: world.authors['POST 1'], name: 'POST 1', profile: 'post' };
  const incident = { id: 'ab'.repeat(16), name: 'Lauterbrunnen valley', exercise: true };

  const log = (entity, stamp, writes, dot) =>
    events.push({
      arrival: events.length + 1,
      arrived_ms: Date.now(),
      dot,
      class: 1,
      entity: entity.id,
      record: entity.record,
      display: entity.display,
      stamp,
      writes,
      folded: true,
    });
  for (const entity of [...world.entities.values()].sort((a, b) => a.created.at_ms - b.created.at_ms))
    log(
      entity,
      entity.created,
      Object.entries(entity.fields).map(([field, f]) => ({ field, value: f.value, replaces: [] })),
      entity.id,
    );

  const conflicts = () =>
    [...world.entities.values()].flatMap((entity) =>
      entity.conflicts.map((field) => {
        const shown = entity.fields[field];
        const choices = [shown, ...(shown.alternatives ?? [])];
        const replaces = choices.flatMap((choice) => choice.dots);
        return {
          kind: 'values',
          class: field === 'triage' ? 0 : 1,
          why: 'made up',
          entity: entity.id,
          record: entity.record,
          display: entity.display,
          title: entity.display,
          field,
          since_ms: Date.now() - 60_000,
          choices: choices.map(({ value, text, dots, stamp }) => ({
            value,
            text,
            dots,
            stamp,
            entity: entity.id,
            display: entity.display,
            settle: [{ record: entity.record, entity: entity.id, writes: [{ field, value, replaces }] }],
          })),
        };
      }),
    );
  const status = () => ({
    node,
    incident,
    peers: [
      {
        name: 'POST 2',
        id: world.authors['POST 2'],
        address: '10.0.0.2:7600',
        state: cut_off ? 'lost' : 'connected',
        last_heard_ms: Date.now() - (cut_off ? 754_000 : 700),
        level: 'behind',
        lacks_here: 31,
        lacks_there: 4,
        lacks_here_by_class: { urgent: 1, important: 9, routine: 21 },
        lacks_there_by_class: { urgent: 0, important: 0, routine: 4 },
        to_level_ms: cut_off ? undefined : 95_000,
        bytes_sent: 48211,
        bytes_received: 39102,
        links: [
          {
            bearer: 'radio',
            kind: 'serial',
            state: cut_off ? 'lost' : 'active',
            address: '/dev/ttyUSB0',
            last_heard_ms: Date.now() - 700,
            round_trip_ms: 2300,
            bytes_sent: 40211,
            bytes_received: 30102,
            retransmissions: 17,
            occupancy_percent: 43.2,
            in_use_bps: 910,
            loss_percent: 5,
          },
          {
            bearer: 'satellite',
            kind: 'satellite',
            state: cut_off ? 'lost' : 'standby',
            address: '10.0.0.2:7600',
            last_heard_ms: Date.now() - 41_000,
            round_trip_ms: 640,
            bytes_sent: 8000,
            bytes_received: 9000,
            budget_left_bytes: 1_940_000,
            why: 'costs per byte; a cheaper link works',
          },
        ],
      },
      {
        name: 'TRUCK 3',
        id: world.authors['TRUCK 3'],
        address: '10.0.0.3:7600',
        state: 'lost',
        last_heard_ms: Date.now() - 190_000,
        level: 'behind',
        lacks_here: 0,
        lacks_there: 7,
        bytes_sent: 5120,
        bytes_received: 2201,
        why: 'no answer',
      },
    ],
    bearers: [
      {
        name: 'radio',
        kind: 'serial',
        profile: '2400 bit/s, half duplex, turns in 350 ms, all hear it',
        state: cut_off ? 'down' : 'up',
        occupancy_percent: 43.2,
        bytes_sent: 40211,
        bytes_received: 30102,
        refused: { 'heard before': 3, 'of a stranger': 12 },
        why: cut_off ? 'no modem at /dev/ttyUSB0' : undefined,
      },
      {
        name: 'satellite',
        kind: 'satellite',
        profile: 'metered',
        state: 'up',
        bytes_sent: 8000,
        bytes_received: 9000,
        budget_bytes: 2_000_000,
        budget_left_bytes: 1_940_000,
      },
    ],
    cut_off,
    cut_off_since_ms: cut_off ? Date.now() - 754_000 : undefined,
    conflicts: conflicts().length,
    conflicts_urgent: conflicts().filter((one) => one.class === 0).length,
    unshared: 14,
    unshared_by_class: { urgent: 2, important: 5, routine: 7 },
    feeds: [
      {
        name: 'tak',
        state: 'listening',
        address: '127.0.0.1:8087',
        clients: 2,
        received: 412,
        not_carried: 3,
        last_ms: Date.now() - 1200,
      },
      {
        name: 'adsb',
        state: 'connected',
        address: '127.0.0.1:30003',
        clients: 1,
        received: 20417,
        not_carried: 0,
        last_ms: Date.now() - 100,
      },
    ],
    store: {
      events: events.length,
      durable_to: events.length,
      state_hash: createHash('sha256').update(String(events.length)).digest('hex'),
      damaged: 0,
      disk_free_bytes: 31_411_200_000,
      refusing_writes: false,
    },
    own_position: own,
    problems: ['TRUCK 3 has not been heard for 3 minutes'],
  });
  const snapshot = () => ({
    epoch,
    seq,
    server_ms: Date.now(),
    entities: [...world.entities.values()],
    tracks: [...world.tracks.values()],
    status: status(),
  });

  const clients = new Set();
  const send_all = (message) => {
    const text = JSON.stringify(message);
    for (const client of clients) if (client.bufferedAmount < 50e6) client.send(text);
  };
  const delta = (part) => {
    const from = seq++;
    send_all({ type: 'delta', from, seq, server_ms: Date.now(), ...part });
  };

  function carry_out(command) {
    if (answers.has(command.id)) return { ...answers.get(command.id), repeated: true };
    const now = Date.now();
    const stamp = { ...world.stamp('POST 1', 0), at_ms: now };
    const old = command.entity ? world.entities.get(command.entity) : null;
    if (command.entity && !old)
      return { error: { code: 'not_found', message: 'no such record' }, status: 404 };
    const dots = command.writes.map(() => world.next_dot('POST 1'));
    const id = old?.id ?? dots[0];
    const entity = old
      ? structuredClone(old)
      : {
          id,
          record: command.record,
          display: `${world.letters[command.record] ?? 'Z'}-${Math.random().toString(36).slice(2, 7).toUpperCase()}`,
          exercise: true,
          made_up: false,
          placeholder: false,
          waiting_for: [],
          deleted: false,
          revived: false,
          newer_fields: 0,
          fields: {},
          conflicts: [],
          coverage: [],
          created: stamp,
        };
    for (const [i, write] of command.writes.entries()) {
      const spec = field_rule(command.record, write.field);
      if (!spec)
        return {
          error: {
            code: 'invalid_command',
            message: `${command.record} has no field '${write.field}'`,
            field: write.field,
            hint: 'see /api/v1/schema',
          },
          status: 400,
        };
      if (spec.type === 'code' && write.value !== null && !spec.codes.some((c) => c.name === write.value))
        return {
          error: {
            code: 'invalid_value',
            message: `${write.field}: '${write.value}' is not known`,
            field: write.field,
          },
          status: 400,
        };
      if (write.field === 'deleted') {
        entity.revived = entity.deleted && write.value !== true;
        entity.deleted = write.value === true;
      }
      if (write.value === null) {
        delete entity.fields[write.field];
        continue;
      }
      let value = write.value;
      if (value?.type === 'Circle') value = circle(value);
      const one = { value, rule: spec.rule, private: spec.private, dots: [dots[i]], stamp };
      const before = entity.fields[write.field];
      const unseen = before
        ? [before, ...(before.alternatives ?? [])].filter(
            (b) => !b.dots.every((dot) => write.replaces?.includes(dot)),
          )
        : [];
      entity.conflicts = entity.conflicts.filter((name) => name !== write.field);
      if (['multi_value', 'claim', 'state_machine'].includes(spec.rule) && unseen.length > 0) {
        one.alternatives = unseen.map((b) => ({ value: b.value, dots: b.dots, stamp: b.stamp }));
        entity.conflicts.push(write.field);
      }
      if (['append', 'or_set'].includes(spec.rule))
        one.values = [...(entity.fields[write.field]?.values ?? []), { value, dots: [dots[i]], stamp }];
      entity.fields[write.field] = one;
      if (write.field === 'place') Object.assign(entity, { lat: value.lat, lon: value.lon });
      if (write.field === 'geometry') {
        const at = value.centre ?? (value.type === 'Point' ? value.coordinates : null);
        if (at) Object.assign(entity, { lon: at[0], lat: at[1] });
        if (value.type !== 'Point') entity.geometry = value;
      }
    }
    entity.updated = stamp;
    entity.coverage = [dots.at(-1)];
    entity.saved = { here: true, others: 0, others_names: [], post: false };
    world.entities.set(id, entity);
    log(entity, stamp, command.writes, dots[0]);
    delta({ entities: [entity], status: status() });
    const answer = {
      ok: true,
      entity: id,
      display: entity.display,
      dots,
      class: 1,
      saved: 'here',
      repeated: false,
    };
    answers.set(command.id, answer);
    return answer;
  }
  function circle({ coordinates: [lon, lat], radius_m }) {
    const ring = Array.from({ length: 49 }, (_, i) => [
      lon + (radius_m * Math.sin((i / 24) * Math.PI)) / (111_195 * Math.cos((lat * Math.PI) / 180)),
      lat + (radius_m * Math.cos((i / 24) * Math.PI)) / 111_195,
    ]);
    return { type: 'Polygon', coordinates: [ring], radius_m, centre: [lon, lat] };
  }

  const json = (response, body, code = 200) => {
    response.writeHead(code, { 'content-type': 'application/json' });
    response.end(JSON.stringify(body));
  };
  const body_of = (request) =>
    new Promise((done) => {
      let text = '';
      request.on('data', (part) => (text += part));
      request.on('end', () => {
        try {
          done(JSON.parse(text));
        } catch {
          done(null);
        }
      });
    });

  const server = createServer(async (request, response) => {
    const url = new URL(request.url, 'http://local');
    const path = url.pathname;
    if (path === '/healthz') return json(response, { status: 'ok' });
    if (path === '/api/v1/schema') return json(response, schema);
    if (path === '/api/v1/state') return json(response, snapshot());
    if (path === '/api/v1/status') return json(response, status());
    if (path === '/api/v1/conflicts')
      return json(response, { conflicts: conflicts(), count: conflicts().length, urgent: 0 });
    if (path === '/api/v1/maps') return json(response, { maps: [] });
    if (path === '/api/v1/events') {
      const after = Number(url.searchParams.get('after') ?? 0);
      const page = events
        .filter((e) => e.arrival > after)
        .slice(0, Number(url.searchParams.get('limit') ?? 200));
      return json(response, { events: page, next: page.at(-1)?.arrival ?? after });
    }
    const one = /^\/api\/v1\/entities\/([^/]+)(\/history)?$/.exec(path);
    if (one) {
      const id = decodeURIComponent(one[1]);
      if (one[2]) return json(response, { events: events.filter((e) => e.entity === id).reverse() });
      const entity = world.entities.get(id);
      return entity
        ? json(response, entity)
        : json(response, { error: { code: 'not_found', message: 'no such record' } }, 404);
    }
    if (path === '/api/v1/commands' && request.method === 'POST') {
      const answer = carry_out(await body_of(request));
      return json(response, answer, answer.status ?? 200);
    }
    if (path === '/api/v1/own-position' && request.method === 'POST') {
      const place = await body_of(request);
      own = place.clear ? null : { lat: place.lat, lon: place.lon, at_ms: Date.now(), source: 'page' };
      delta({ status: status() });
      return json(response, { ok: true });
    }
    const file = normalize(join(dist, path === '/' ? 'index.html' : path));
    if (!file.startsWith(dist) || !existsSync(file))
      return json(response, { error: { code: 'not_found', message: path } }, 404);
    response.writeHead(200, {
      'content-type': types[extname(file)] ?? 'application/octet-stream',
      'content-security-policy': policy,
    });
    response.end(readFileSync(file));
  });

  const sockets = new WebSocketServer({ server, path: '/api/v1/live' });
  sockets.on('connection', (socket, request) => {
    const url = new URL(request.url, 'http://local');
    const resumed = url.searchParams.get('epoch') === epoch && Number(url.searchParams.get('since')) === seq;
    socket.send(
      JSON.stringify({
        type: 'hello',
        epoch,
        seq,
        server_ms: Date.now(),
        beat_ms: 500,
        version: 'mock',
        insecure_lab: true,
        incident,
        node,
      }),
    );
    if (!resumed) socket.send(JSON.stringify({ type: 'snapshot', ...snapshot() }));
    clients.add(socket);
    socket.on('close', () => clients.delete(socket));
  });

  const timers = [
    setInterval(() => send_all({ type: 'beat', seq, server_ms: Date.now() }), 500),
    setInterval(() => {
      const moved = [];
      for (const track of world.tracks.values()) {
        if (track.still) continue;
        const next = move(track, 1, Date.now());
        world.tracks.set(track.id, next);
        moved.push(next);
      }
      delta({ tracks: moved, status: status() });
    }, 1000),
  ];
  await new Promise((done) => server.listen(port, '127.0.0.1', done));
  const address = `http://127.0.0.1:${server.address().port}`;
  if (!quiet) console.log(`mock node (made-up data) at ${address}`);
  return {
    address,
    close() {
      timers.forEach(clearInterval);
      for (const client of clients) client.terminate();
      server.closeAllConnections?.();
      server.close();
    },
  };
}

if (process.argv[1] === fileURLToPath(import.meta.url)) {
  const option = (name, otherwise) => {
    const at = process.argv.indexOf(`--${name}`);
    return at < 0 ? otherwise : process.argv[at + 1];
  };
  await start_mock({
    port: Number(option('port', 8099)),
    swarm: Number(option('swarm', 0)),
    cut_off: process.argv.includes('--cut-off'),
    quiet: false,
  });
}
