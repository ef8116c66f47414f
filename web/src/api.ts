// The calls of docs/protocol/api.md. Nothing here throws: a call that fails answers null or says why.
import type { BundleReport } from './core/courier';
import type { Delivery } from './core/outbox';
import type { Fixes } from './core/trail';
import type {
  ApiError,
  Command,
  CommandAnswer,
  Comparisons,
  Conflict,
  HistoryEvent,
  MapFile,
} from './core/types';

/** How long one call may take before it counts as not delivered. */
const call_limit_ms = 8_000;
/** A piece of a bundle is answered when it is on disk, which may be a slow stick. */
const bundle_limit_ms = 60_000;

async function call(path: string, init: RequestInit = {}, limit_ms = call_limit_ms): Promise<Response> {
  const stop = new AbortController();
  const timer = setTimeout(() => stop.abort(), limit_ms);
  try {
    return await fetch(path, { ...init, signal: stop.signal, cache: 'no-store' });
  } finally {
    clearTimeout(timer);
  }
}

async function get<T>(path: string): Promise<T | null> {
  try {
    const response = await call(path);
    return response.ok ? ((await response.json()) as T) : null;
  } catch {
    return null;
  }
}

async function post(path: string, body: unknown): Promise<{ status: number; body: unknown } | string> {
  try {
    const response = await call(path, {
      method: 'POST',
      headers: { 'content-type': 'application/json' },
      body: JSON.stringify(body),
    });
    return { status: response.status, body: await response.json().catch(() => null) };
  } catch (error) {
    return String(error);
  }
}

function error_of(status: number, body: unknown): ApiError {
  const error = (body as { error?: ApiError } | null)?.error;
  return error?.message ? error : { code: `http_${status}`, message: `HTTP ${status}` };
}

export const read_schema_document = () => get<unknown>('/api/v1/schema');
export const read_maps = async () => (await get<{ maps: MapFile[] }>('/api/v1/maps'))?.maps ?? [];

export const read_conflicts = () => get<{ conflicts: Conflict[]; count: number }>('/api/v1/conflicts');

export const read_comparisons = () => get<Comparisons>('/api/v1/comparisons');
export async function begin_comparison(): Promise<Comparisons | null> {
  const answer = await post('/api/v1/comparisons', {});
  return typeof answer !== 'string' && answer.status < 300 ? (answer.body as Comparisons) : null;
}

export async function read_history(id: string, limit = 100): Promise<HistoryEvent[] | null> {
  const answer = await get<{ events: HistoryEvent[] }>(
    `/api/v1/entities/${encodeURIComponent(id)}/history?limit=${limit}`,
  );
  return answer?.events ?? null;
}

export const read_fixes = (track: string) => get<Fixes>(`/api/v1/tracks/${encodeURIComponent(track)}/fixes`);

export async function read_events(
  after: number,
  limit: number,
): Promise<{ events: HistoryEvent[]; next: number; complete?: boolean } | null> {
  return get(`/api/v1/events?after=${after}&limit=${limit}`);
}

/** 503 and the gateway errors mean "not now": the command stays in the outbox. */
export async function send_command(command: Command): Promise<Delivery> {
  const answer = await post('/api/v1/commands', command);
  if (typeof answer === 'string') return { kind: 'undelivered', why: answer };
  const { status, body } = answer;
  if (status >= 200 && status < 300 && (body as CommandAnswer | null)?.ok)
    return { kind: 'answered', answer: body as CommandAnswer };
  if ([429, 502, 503, 504].includes(status)) return { kind: 'undelivered', why: `HTTP ${status}` };
  return { kind: 'refused', error: error_of(status, body) };
}

export async function send_own_position(
  place: { lat: number; lon: number } | null,
): Promise<ApiError | null> {
  const answer = await post('/api/v1/own-position', place ?? { clear: true });
  if (typeof answer === 'string') return { code: 'undelivered', message: answer };
  return answer.status < 300 ? null : error_of(answer.status, answer.body);
}

/** Bytes of a file sent to the node at once; the node takes at most 1 MiB. */
const bundle_piece_bytes = 512 * 1024;

async function bundle_call<T>(path: string, init: RequestInit = {}): Promise<T | string> {
  try {
    const response = await call(path, init, bundle_limit_ms);
    const body = await response.json().catch(() => null);
    return response.ok ? (body as T) : error_of(response.status, body).message;
  } catch (error) {
    return String(error);
  }
}

export interface WrittenBundle {
  id: string;
  events: number;
  since: string;
  files: Blob[];
}

/** Everything of a bundle for `name`; a sentence when it could not be written. `tell` says how many bytes came so far. */
export async function write_bundle(
  name: string,
  everything: boolean,
  tell: (bytes: number) => void,
): Promise<WrittenBundle | string> {
  const asked = new URLSearchParams({ for: name });
  if (everything) asked.set('all', '1');
  const begun = await bundle_call<{ id: string; events: number; since: string }>(
    `/api/v1/bundles/writing?${asked}`,
    { method: 'POST' },
  );
  if (typeof begun === 'string') return begun;
  const files: Blob[] = [];
  let pieces: ArrayBuffer[] = [];
  let bytes = 0;
  for (let n = 1; ; n++) {
    try {
      const response = await call(`/api/v1/bundles/writing/${begun.id}/pieces/${n}`, {}, bundle_limit_ms);
      if (!response.ok) return error_of(response.status, await response.json().catch(() => null)).message;
      const piece = await response.arrayBuffer();
      pieces.push(piece);
      tell((bytes += piece.byteLength));
      const ends = response.headers.get('Airbridge-Ends');
      if (ends === 'no') continue;
      files.push(new Blob(pieces));
      pieces = [];
      if (ends === 'all') return { ...begun, files };
    } catch (error) {
      return String(error);
    }
  }
}

/** Its files are safe: the next one for that name leaves out what they hold. */
export const keep_bundle = (id: string) =>
  bundle_call<unknown>(`/api/v1/bundles/writing/${id}/kept`, { method: 'POST' });

/** Gives a file to the node. What was taken before an error stays taken; reading a file twice does no harm. */
export async function read_bundle(file: Blob, tell: (bytes: number) => void): Promise<BundleReport | string> {
  const begun = await bundle_call<{ id: string }>('/api/v1/bundles/reading', { method: 'POST' });
  if (typeof begun === 'string') return begun;
  for (let at = 0; ; at += bundle_piece_bytes) {
    const last = at + bundle_piece_bytes >= file.size;
    const report = await bundle_call<BundleReport>(
      `/api/v1/bundles/reading/${begun.id}?at=${at}${last ? '&last=1' : ''}`,
      { method: 'POST', body: file.slice(at, at + bundle_piece_bytes) },
    );
    if (typeof report === 'string' || last || report.state !== 'reading') return report;
    tell(at + bundle_piece_bytes);
  }
}
