// The calls of docs/protocol/api.md. Nothing here throws: a call that fails answers null or says why.
import type { Delivery } from './core/outbox';
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

async function call(path: string, init: RequestInit = {}): Promise<Response> {
  const stop = new AbortController();
  const timer = setTimeout(() => stop.abort(), call_limit_ms);
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
