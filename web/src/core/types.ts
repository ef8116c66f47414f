// The shapes of docs/protocol/api.md. Times end in `_ms` (Unix, UTC); keys not listed here are ignored.

export type ClockQuality = 'none' | 'rtc' | 'ntp' | 'gnss';

export interface Stamp {
  at_ms: number;
  quality: ClockQuality | string;
  node?: string;
  node_id?: string;
  actor?: string;
  via?: string;
  source?: string;
  /** Later than when the node had it: a clock is wrong. */
  doubtful?: boolean;
}

export interface FieldVersion {
  value: unknown;
  text?: string;
  dots: string[];
  stamp?: Stamp;
}

export interface Field extends FieldVersion {
  rule?: string;
  private?: boolean;
  alternatives?: FieldVersion[];
  values?: FieldVersion[];
}

export interface Saved {
  here: boolean;
  others: number;
  others_names?: string[];
  post?: boolean;
  /** This node is a post itself. */
  post_here?: boolean;
  /** Holders that another node told of; not among the others. */
  reported?: { node: string; by: string }[];
}

export interface Geometry {
  type: string;
  coordinates: unknown;
}

export interface Entity {
  id: string;
  record: string;
  display: string;
  exercise?: boolean;
  made_up?: boolean;
  placeholder?: boolean;
  waiting_for?: string[];
  deleted?: boolean;
  revived?: boolean;
  newer_fields?: number;
  fields: Record<string, Field>;
  lat?: number;
  lon?: number;
  geometry?: Geometry;
  conflicts?: string[];
  /** A scarce unit that this task and another live one claim. */
  clashes?: { field: string; unit: string; other: string }[];
  /** Of a unit that several live tasks claim: these. */
  claimed_by?: string[];
  same_as?: string[];
  created?: Stamp;
  updated?: Stamp;
  deleted_by?: Stamp;
  revived_by?: Stamp;
  /** What a delete must name: the last dot seen of each stream that touched the record. */
  coverage?: string[];
  /** What taking a delete back must name. */
  deletes?: string[];
  /** Live tracks that are this unit. */
  tracks?: string[];
  saved?: Saved;
}

export interface Track {
  id: string;
  kind: string;
  callsign?: string;
  lat: number;
  lon: number;
  hae_m?: number;
  pressure_altitude_m?: number;
  course_deg?: number;
  speed_mps?: number;
  climb_mps?: number;
  accuracy_m?: number;
  squawk?: string;
  emergency?: string | boolean;
  on_ground?: boolean;
  at_ms: number;
  stale_ms: number;
  lost_ms: number;
  sources?: string[];
  node?: string;
  heard_only?: boolean;
  team?: string;
  role?: string;
  type?: string;
  battery_percent?: number;
  made_up?: boolean;
  /** From a recording played again, not from the air. */
  replayed?: boolean;
  /** Its source's clock runs ahead; `at_ms` is when the node heard it. */
  time_doubtful?: boolean;
  /** The unit that this track is. */
  unit?: string;
}

export interface ByClass {
  urgent: number;
  important: number;
  routine: number;
}

/** What a kind of bearer does not measure is left out. */
export interface Link {
  bearer: string;
  kind: 'tcp' | 'udp' | 'multicast' | 'serial' | 'satellite' | 'file' | string;
  state: 'active' | 'standby' | 'lost' | string;
  profile?: string;
  address?: string;
  last_heard_ms?: number;
  round_trip_ms?: number;
  bytes_sent?: number;
  bytes_received?: number;
  retransmissions?: number;
  occupancy_percent?: number;
  /** How often what moves is said on it: follows how busy it is. */
  position_interval_ms?: number;
  loss_percent?: number;
  /** Bits per second both ways, mean of the last minute. */
  in_use_bps?: number;
  budget_left_bytes?: number;
  why?: string;
}

export interface Bearer {
  name: string;
  kind: string;
  profile?: string;
  state: 'up' | 'down' | 'off' | string;
  address?: string;
  bytes_sent?: number;
  bytes_received?: number;
  /** Frames not taken since the start, by why. */
  refused?: Record<string, number>;
  occupancy_percent?: number;
  /** How often what moves is said on it: follows how busy it is. */
  position_interval_ms?: number;
  /** Bits per second both ways, mean of the last minute. */
  in_use_bps?: number;
  budget_bytes?: number;
  budget_left_bytes?: number;
  why?: string;
}

export interface Peer {
  name: string;
  id?: string;
  address?: string;
  state: 'connected' | 'connecting' | 'lost' | string;
  last_heard_ms?: number;
  level?: 'equal' | 'behind' | 'ahead' | 'unknown' | string;
  lacks_here?: number;
  lacks_there?: number;
  lacks_here_by_class?: ByClass;
  lacks_there_by_class?: ByClass;
  /** Until both hold the same, at the rate measured lately; absent: unknown. */
  to_level_ms?: number;
  links?: Link[];
  bytes_sent?: number;
  bytes_received?: number;
  why?: string;
}

export interface Feed {
  name: string;
  state: string;
  address?: string;
  clients?: number;
  received?: number;
  not_carried?: number;
  last_ms?: number;
  why?: string;
}

export interface NodeName {
  id: string;
  name: string;
  profile?: string;
}

export interface Status {
  node?: NodeName;
  peers?: Peer[];
  bearers?: Bearer[];
  cut_off?: boolean;
  /** When another node was last heard; 0: none was in this run. */
  cut_off_since_ms?: number;
  unshared?: number;
  unshared_by_class?: ByClass;
  /** What a person must settle; the list is read when it is looked at. */
  conflicts?: number;
  conflicts_urgent?: number;
  feeds?: Feed[];
  store?: {
    events?: number;
    durable_to?: number;
    state_hash?: string;
    damaged?: number;
    disk_free_bytes?: number;
    refusing_writes?: boolean;
    why?: string;
  };
  own_position?: { lat: number; lon: number; at_ms: number; source: string } | null;
  /** Nodes whose clocks run ahead of this node's, furthest first. */
  clocks?: { node: string; node_id: string; ahead_ms: number; quality: string; at_ms: number }[];
  problems?: string[];
}

export interface Hello {
  type: 'hello';
  epoch: string;
  seq: number;
  server_ms: number;
  beat_ms?: number;
  version?: string;
  insecure_lab?: boolean;
  incident?: { id: string; name: string; exercise?: boolean };
  node?: NodeName;
}

export interface Snapshot {
  type: 'snapshot';
  epoch?: string;
  seq: number;
  server_ms?: number;
  /** Counts from 1; `more` is true on all parts but the last. Absent: it is whole. */
  part?: number;
  more?: boolean;
  entities: Entity[];
  tracks: Track[];
  status?: Status;
}

export interface Delta {
  type: 'delta';
  from: number;
  seq: number;
  server_ms?: number;
  entities?: Entity[];
  removed?: string[];
  tracks?: Track[];
  removed_tracks?: string[];
  status?: Status;
}

export interface Beat {
  type: 'beat';
  seq: number;
  server_ms: number;
}

/** A piece of the delta from `from` that follows; of a snapshot when the page's own worker cut it (core/slices.ts). */
export interface Part {
  type: 'part';
  from: number;
  entities?: Entity[];
  removed?: string[];
  tracks?: Track[];
  removed_tracks?: string[];
}

/** Made by the worker, never on the wire: all slices of the snapshot `seq` have been said. */
export interface Complete {
  type: 'complete';
  seq: number;
}

export type LiveMessage = Hello | Snapshot | Delta | Beat | Part | Complete;

export interface Write {
  field: string;
  value: unknown;
  replaces: string[];
}

export interface Command {
  id: string;
  record: string;
  entity: string | null;
  writes: Write[];
  after?: string[];
}

export interface CommandAnswer {
  ok: true;
  entity: string;
  display?: string;
  dots?: string[];
  class?: number;
  saved?: string;
  repeated?: boolean;
}

export interface ApiError {
  code: string;
  message: string;
  field?: string;
  hint?: string;
}

export interface HistoryEvent {
  arrival: number;
  arrived_ms: number;
  dot: string;
  class: number;
  entity: string;
  record: string;
  display?: string;
  stamp: Stamp;
  writes: { field: string; value: unknown; text?: string; replaces?: string[] }[];
  folded: boolean;
  why_not?: string;
  saved?: Saved;
}

export interface ConflictChoice extends FieldVersion {
  entity?: string;
  display?: string;
  /** Commands without their ids; sent, this value alone stands. Absent: it cannot be chosen here. */
  settle?: Omit<Command, 'id'>[];
}

export interface Conflict {
  kind: 'values' | 'versions' | 'clash' | 'revived' | 'same_as' | 'grants' | 'fork' | string;
  class: number;
  why: string;
  /** Of grants and forks: whom they are about. The others have an entity. */
  about?: string;
  entity?: string;
  record?: string;
  display?: string;
  title?: string;
  field?: string;
  since_ms?: number;
  choices: ConflictChoice[];
}

export interface MapFile {
  name: string;
  format: 'mbtiles' | 'pmtiles' | string;
  kind: 'raster' | 'vector' | string;
  minzoom?: number;
  maxzoom?: number;
  bounds?: [number, number, number, number];
  attribution?: string;
}

export interface FoundDifference {
  stream: string;
  author: string;
  class: number;
  from: number;
  what: string;
  remedy: string;
}

/** What came of comparing the log with itself and with other nodes. */
export interface Comparisons {
  number: number;
  done: boolean;
  own: { done: boolean; streams: number; events: number; differences: FoundDifference[] };
  nodes: {
    id: string;
    name: string;
    state: 'asked' | 'alike' | 'differs' | 'failed' | string;
    streams: number;
    differences: FoundDifference[];
    more: number;
    why?: string;
  }[];
}
