// The made-up incident that the mock server serves: mountain rescue around Lauterbrunnen, all of it invented.
const hex = (n, width) => n.toString(16).padStart(width, '0');
const authors = { 'POST 1': hex(0xa1, 32), 'POST 2': hex(0xb2, 32), 'TRUCK 3': hex(0xc3, 32) };
const minute = 60_000;

export function make_world(now) {
  const entities = new Map();
  const tracks = new Map();
  let sequence = 0;
  const next_dot = (node) => `d.${authors[node]}.00000001.1.${++sequence}`;
  const stamp = (node, ago_min, extra = {}) => ({
    at_ms: now - ago_min * minute,
    quality: node === 'TRUCK 3' ? 'rtc' : 'gnss',
    node,
    node_id: authors[node],
    via: 'web',
    ...extra,
  });
  const letters = {
    casualty: 'C',
    site: 'S',
    hazard: 'H',
    unit: 'U',
    request: 'R',
    task: 'T',
    message: 'M',
    journal: 'J',
  };

  /** `said` is {field: value} or {field: [value, ago_min, node, extra]}. */
  function add(record, node, ago, said, more = {}) {
    const id = next_dot(node);
    const fields = {};
    for (const [name, given] of Object.entries(said)) {
      const [value, at, by, extra] = Array.isArray(given) ? given : [given, ago, node, {}];
      const one = { value, dots: [next_dot(by)], stamp: stamp(by, at, extra), private: false };
      fields[name] =
        name === 'text' && record !== 'task' && record !== 'request'
          ? { ...one, rule: 'append', values: [{ ...one }] }
          : one;
    }
    const place = fields.place?.value;
    const point =
      fields.geometry?.value?.centre ??
      (fields.geometry?.value?.type === 'Point' ? fields.geometry.value.coordinates : null);
    const entity = {
      id,
      record,
      display: `${letters[record] ?? 'Z'}-${(sequence * 7919 + 104729).toString(36).toUpperCase().slice(-5)}`,
      exercise: true,
      made_up: true,
      placeholder: false,
      waiting_for: [],
      deleted: false,
      revived: false,
      newer_fields: 0,
      fields,
      ...(place ? { lat: place.lat, lon: place.lon } : point ? { lon: point[0], lat: point[1] } : {}),
      ...(fields.geometry && fields.geometry.value.type !== 'Point'
        ? { geometry: fields.geometry.value }
        : {}),
      conflicts: [],
      coverage: [id],
      created: stamp(node, ago),
      updated: stamp(node, ago),
      saved: { here: true, others: ago > 3 ? 1 : 0, others_names: ago > 3 ? ['POST 2'] : [], post: false },
      ...more,
    };
    entities.set(id, entity);
    return entity;
  }
  const at = (lat, lon) => ({ lat, lon });
  const ana = { actor: 'Ana Keller' };

  add('site', 'POST 1', 190, {
    category: 'command_post',
    name: 'Command post Lauterbrunnen',
    place: at(46.5936, 7.9077),
  });
  add('site', 'POST 1', 180, {
    category: 'landing_zone',
    name: 'LZ Stechelberg',
    place: at(46.5462, 7.9018),
    state: 'open',
    surface: 'Grass, wires to the north',
  });
  add('site', 'POST 2', 170, {
    category: 'landing_zone',
    name: 'LZ Trachsellauenen',
    place: at(46.5242, 7.8993),
    state: 'closed',
  });
  add('site', 'POST 1', 175, {
    category: 'hospital',
    name: 'Spital Interlaken',
    place: at(46.6846, 7.8514),
    capacity: 12,
  });
  add('site', 'POST 2', 90, {
    category: 'collection_point',
    name: 'Casualty collection Mürren',
    place: at(46.5592, 7.8926),
  });
  add('site', 'POST 2', 80, {
    category: 'drop_zone',
    name: 'DZ Oberhornsee',
    place: at(46.5013, 7.8861),
    state: 'open',
  });
  add('site', 'POST 1', 75, {
    category: 'shelter',
    name: 'Obersteinberg hut',
    place: at(46.5206, 7.8822),
    capacity: 40,
  });
  add('site', 'POST 1', 60, { category: 'marker', name: 'Lost rucksack', place: at(46.5402, 7.9264) });
  add(
    'hazard',
    'POST 2',
    45,
    {
      category: 'landslide',
      severity: 'severe',
      state: 'confirmed',
      name: 'Slide Gimmelwald',
      geometry: {
        type: 'Polygon',
        coordinates: [
          [
            [7.8755, 46.5402],
            [7.893, 46.5451],
            [7.9007, 46.5367],
            [7.8904, 46.5288],
            [7.8772, 46.5313],
            [7.8755, 46.5402],
          ],
        ],
        centre: [7.887, 46.5365],
      },
    },
    { lat: 46.5365, lon: 7.887 },
  );
  add(
    'hazard',
    'POST 1',
    30,
    {
      category: 'cable',
      severity: 'moderate',
      state: 'raised',
      name: 'Cableway Schilthorn',
      geometry: {
        type: 'LineString',
        coordinates: [
          [7.9018, 46.5462],
          [7.8926, 46.5592],
          [7.8359, 46.5573],
        ],
      },
    },
    { lat: 46.5582, lon: 7.8642 },
  );
  add('hazard', 'TRUCK 3', 12, {
    category: 'fire',
    severity: 'minor',
    state: 'raised',
    geometry: { type: 'Point', coordinates: [7.9391, 46.5731] },
  });
  const red = add('casualty', 'POST 1', 14, {
    triage: ['red', 14, 'POST 1', ana],
    place: at(46.5331, 7.8969),
    count: 1,
    condition: 'Fall 15 m, head injury, breathing. Helmet damaged.',
    mobility: 'stretcher',
    winch: true,
    life: 'alive',
  });
  red.conflicts = ['triage'];
  red.fields.triage.rule = 'multi_value';
  red.fields.triage.alternatives = [
    { value: 'yellow', text: 'Delayed', dots: [next_dot('TRUCK 3')], stamp: stamp('TRUCK 3', 11) },
  ];
  add('casualty', 'POST 2', 25, {
    triage: 'yellow',
    place: at(46.5286, 7.8894),
    count: 2,
    condition: 'Two with broken legs, stable',
    evacuation: 'waiting',
  });
  add('casualty', 'POST 2', 40, {
    triage: 'green',
    place: at(46.5591, 7.8933),
    count: 9,
    evacuation: 'moving',
  });
  add('casualty', 'POST 1', 70, { triage: 'black', place: at(46.5301, 7.8852), count: 1 });
  add('request', 'TRUCK 3', 9, {
    category: 'medevac',
    priority: 'immediate',
    state: 'open',
    place: at(46.5331, 7.8972),
    people: 1,
    text: 'Winch needed below the slide',
  });
  add('request', 'POST 2', 65, {
    category: 'supplies',
    priority: 'routine',
    state: 'acknowledged',
    place: at(46.5206, 7.8825),
    text: 'Blankets for 40 at Obersteinberg',
  });
  const unit = add('unit', 'POST 1', 120, {
    category: 'ground_team',
    callsign: 'Lauterbrunnen 2',
    state: 'on_scene',
    crew: 6,
    place: at(46.5309, 7.8931),
  });
  add('unit', 'POST 2', 118, {
    category: 'dog_team',
    callsign: 'Dog 4',
    state: 'en_route',
    crew: 2,
    place: at(46.5437, 7.9031),
  });
  add('task', 'POST 1', 18, {
    text: 'Search the east bank to the bridge',
    state: 'under_way',
    assignee: unit.id,
    place: at(46.5376, 7.9017),
    order: 'go',
  });
  add('message', 'POST 2', 6, {
    text: 'Wind at Schilthorn 35 kt from the south-west, gusts 48. Helicopter work only below 2000 m.',
    priority: 'urgent',
  });
  add('message', 'TRUCK 3', 3, { text: 'وصلنا إلى الجسر' });
  add('journal', 'POST 1', 100, { text: 'Briefing done, radio channel K.' });
  add('casualty', 'POST 2', 5, {}, { placeholder: true, waiting_for: ['POST 2'], made_up: false });
  add(
    'site',
    'POST 2',
    50,
    { category: 'marker', name: 'Old staging area', place: at(46.5801, 7.9102), deleted: true },
    { deleted: true },
  );
  add(
    'site',
    'POST 2',
    55,
    { category: 'fuel', name: 'Fuel bowser', place: at(46.5979, 7.9093) },
    { revived: true },
  );
  // A call sign as a hostile client would send it: it must appear as text.
  add('unit', 'POST 2', 20, {
    category: 'vehicle',
    callsign: `<img src=x onerror="window.hacked=1"><b>X</b>`,
    state: 'available',
    place: at(46.6121, 7.9011),
  });

  const kinds = [
    ['REGA 1', 'helicopter', 'a-f-A-M-H', 46.5521, 7.9121, 52, 0],
    ['HB-ZRX', 'helicopter', 'a-f-A-M-H', 46.6402, 7.8611, 61, 0],
    ['SWR318', 'aircraft', 'a-n-A-C-F', 46.7411, 7.7302, 221, 0],
    ['EZY94KP', 'aircraft', 'a-n-A-C-F', 46.4021, 8.1123, 235, 0],
    ['UAV 7', 'unmanned_aircraft', 'a-f-A-M-F-Q', 46.5352, 7.8901, 8, 0],
    ['Guide Meier', 'person', 'a-f-G-U-C', 46.5349, 7.8992, 1, 4],
    ['Truck 3', 'vehicle', 'a-f-G-E-V', 46.5702, 7.9091, 6, 0],
  ];
  kinds.forEach(([callsign, kind, type, lat, lon, speed, ago], i) =>
    tracks.set(`x.${hex(i + 1, 16)}`, {
      id: `x.${hex(i + 1, 16)}`,
      kind,
      type,
      callsign,
      lat,
      lon,
      course_deg: (i * 53 + 20) % 360,
      speed_mps: speed,
      ...(kind.includes('craft') || kind === 'helicopter'
        ? { pressure_altitude_m: 1500 + i * 900, climb_mps: i - 2, squawk: `70${i}1` }
        : { hae_m: 900, battery_percent: 84 - i * 7 }),
      accuracy_m: 12,
      at_ms: now - ago * minute,
      stale_ms: kind === 'aircraft' || kind === 'helicopter' ? 30_000 : 120_000,
      lost_ms: 3_600_000,
      sources: [
        kind.includes('craft') || kind === 'helicopter' ? 'adsb:127.0.0.1:30003' : 'tak:ANDROID-5f1c',
      ],
      node: 'POST 1',
      heard_only: kind === 'aircraft',
      made_up: true,
      still: ago > 0,
    }),
  );
  return { entities, tracks, next_dot, stamp, letters, authors };
}

/** `count` aircraft spread over Europe, for the bench. */
export function make_swarm(count, now) {
  const tracks = [];
  for (let i = 0; i < count; i++) {
    const r = (k) => (((Math.sin(i * 12.9898 + k * 78.233) * 43758.5453) % 1) + 1) % 1;
    tracks.push({
      id: `x.${hex(0x5000000 + i, 16)}`,
      kind: i % 9 === 0 ? 'helicopter' : i % 13 === 0 ? 'vehicle' : 'aircraft',
      callsign: `FLT${1000 + i}`,
      lat: 43 + r(1) * 9,
      lon: 1 + r(2) * 15,
      course_deg: r(3) * 360,
      speed_mps: 60 + r(4) * 190,
      pressure_altitude_m: 300 + r(5) * 11000,
      squawk: String(1000 + Math.floor(r(6) * 6000)),
      at_ms: now,
      stale_ms: 60_000,
      lost_ms: 300_000,
      sources: ['adsb:127.0.0.1:30003'],
      node: 'POST 1',
      heard_only: true,
      made_up: true,
    });
  }
  return tracks;
}

export function move(track, seconds, now) {
  const metres = (track.speed_mps ?? 0) * seconds;
  const course = ((track.course_deg ?? 0) * Math.PI) / 180;
  const lat = track.lat + (metres * Math.cos(course)) / 111_195;
  const lon = track.lon + (metres * Math.sin(course)) / (111_195 * Math.cos((track.lat * Math.PI) / 180));
  return { ...track, lat, lon, course_deg: (track.course_deg + 1.5) % 360, at_ms: now };
}
