// The live socket in a thread of its own: reading megabytes of JSON a second there keeps the page's main thread free.
// Large messages are cut into slices, each of which the page takes in quickly.
import { Assembly } from './core/assembly';
import { slices_of } from './core/slices';
import type { LiveMessage } from './core/types';

export type ToSocket = { open: string; number: number } | { close: true };
/** `number` names the connection, so that the page can leave the words of an older one alone. */
export type FromSocket = { number: number; message: unknown } | { number: number; closed: true };

let socket: WebSocket | null = null;

function say(words: FromSocket): void {
  postMessage(words);
}

function open(address: string, number: number): void {
  socket?.close();
  const own = new WebSocket(address);
  socket = own;
  const assembly = new Assembly();
  own.onmessage = (event) => {
    if (own !== socket) return;
    let parsed: unknown = null;
    try {
      parsed = JSON.parse(String(event.data));
    } catch {
      // Told to the page as null.
    }
    if (parsed === null || typeof parsed !== 'object') return say({ number, message: null });
    const whole = assembly.take(parsed as LiveMessage);
    if (whole === null || whole.type === 'coming') return say({ number, message: whole });
    for (const message of slices_of(whole)) say({ number, message });
  };
  own.onclose = () => {
    if (own === socket) say({ number, closed: true });
  };
}

onmessage = (event: MessageEvent<ToSocket>) => {
  if ('open' in event.data) return open(event.data.open, event.data.number);
  const old = socket;
  socket = null;
  old?.close();
};
