import { beforeEach, describe, expect, test } from 'vitest';
import { LiveMachine, open_limit_ms, silence_limit_ms, type LiveHost } from './live';

class Recorder implements LiveHost {
  log: string[] = [];
  open(since: { epoch: string; seq: number } | null) {
    this.log.push(since ? `open ${since.epoch}/${since.seq}` : 'open');
  }
  close() {
    this.log.push('close');
  }
  hello() {
    this.log.push('hello');
  }
  snapshot() {
    this.log.push('snapshot');
  }
  delta(d: { seq: number }) {
    this.log.push(`delta ${d.seq}`);
  }
  beat() {}
  state(state: string) {
    this.log.push(state);
  }
  chance() {
    return 0.5;
  }
}

const hello = (epoch: string, seq: number) => ({ type: 'hello', epoch, seq, server_ms: 1 });
const snapshot = (epoch: string, seq: number) => ({ type: 'snapshot', epoch, seq, entities: [], tracks: [] });
const delta = (from: number, seq: number) => ({ type: 'delta', from, seq });
const beat = (seq: number) => ({ type: 'beat', seq, server_ms: 1 });

let host: Recorder;
let live: LiveMachine;

function connect() {
  live.start(0);
  live.message(hello('a', 10), 10);
  live.message(snapshot('a', 10), 20);
  host.log = [];
}

beforeEach(() => {
  host = new Recorder();
  live = new LiveMachine(host);
});

describe('a connection that works', () => {
  test('goes live with the snapshot', () => {
    live.start(0);
    live.message(hello('a', 10), 10);
    expect(live.state).toBe('connecting');
    live.message(snapshot('a', 10), 20);
    expect(host.log).toEqual(['open', 'hello', 'snapshot', 'live']);
  });

  test('applies deltas that follow on', () => {
    connect();
    live.message(delta(10, 12), 30);
    live.message(delta(12, 13), 40);
    expect(host.log).toEqual(['delta 12', 'delta 13']);
    expect(live.resume_point).toEqual({ epoch: 'a', seq: 13 });
  });

  test('stays live on beats alone', () => {
    connect();
    for (let t = 500; t < 20_000; t += 500) {
      live.message(beat(10), t);
      live.tick(t + 100);
    }
    expect(live.state).toBe('live');
    expect(host.log).toEqual([]);
  });

  test('leaves a kind of message it does not know alone', () => {
    connect();
    live.message({ type: 'from the future' }, 30);
    expect(host.log).toEqual([]);
  });
});

describe('a connection that fails', () => {
  test('silence is reported within two seconds, then reopened from where it was', () => {
    connect();
    live.tick(20 + silence_limit_ms - 1);
    expect(live.state).toBe('live');
    live.tick(20 + silence_limit_ms);
    expect(silence_limit_ms + 250).toBeLessThan(2_000);
    expect(host.log).toEqual(['lost', 'close']);
    live.tick(20 + silence_limit_ms + 5_000);
    expect(host.log.at(-1)).toBe('open a/10');
  });

  test('a short break heals without a word', () => {
    connect();
    live.closed(100);
    live.tick(400);
    live.message(hello('a', 11), 420);
    live.message(delta(10, 11), 430);
    expect(host.log).toEqual(['open a/10', 'hello', 'delta 11']);
    expect(live.state).toBe('live');
  });

  test('a handshake that never ends is given up', () => {
    connect();
    live.closed(100);
    live.tick(400);
    live.tick(400 + open_limit_ms);
    expect(host.log).toContain('close');
  });

  test('the wait grows, and is short again after it healed', () => {
    connect();
    const gaps: number[] = [];
    let t = 1_000;
    for (let i = 0; i < 6; i++) {
      live.closed(t);
      const before = t;
      while (host.log.filter((l) => l.startsWith('open')).length <= i) live.tick((t += 10));
      gaps.push(t - before);
    }
    expect(gaps[0]).toBeLessThan(300);
    expect(gaps[5]).toBeGreaterThanOrEqual(2_000);
    live.message(hello('a', 10), t);
    live.message(beat(10), t);
    live.closed(t);
    const from = t;
    const opens = host.log.filter((l) => l.startsWith('open')).length;
    while (host.log.filter((l) => l.startsWith('open')).length === opens) live.tick((t += 10));
    expect(t - from).toBeLessThan(300);
  });

  test('a node that was restarted sends a snapshot, and old numbers are forgotten', () => {
    connect();
    live.closed(100);
    live.tick(1_000);
    live.message(hello('b', 3), 1_010);
    expect(live.resume_point).toBeNull();
    live.message(snapshot('b', 3), 1_020);
    expect(live.resume_point).toEqual({ epoch: 'b', seq: 3 });
  });
});

describe('a slice of a large message', () => {
  test('is shown without being counted, and only where it belongs', () => {
    connect();
    live.message({ type: 'part', from: 10, tracks: [] }, 30);
    live.message({ type: 'part', from: 99, tracks: [] }, 40);
    expect(host.log).toEqual(['delta 10']);
    live.message(delta(10, 11), 50);
    expect(live.resume_point?.seq).toBe(11);
  });
});

describe('a snapshot in slices', () => {
  const cut = { ...snapshot('a', 20), more: true };

  test('is counted when its last slice is here', () => {
    live.start(0);
    live.message(hello('a', 20), 10);
    live.message(cut, 20);
    live.message({ type: 'part', from: 20, tracks: [] }, 30);
    expect(live.resume_point).toBeNull();
    expect(live.state).toBe('connecting');
    live.message({ type: 'complete', seq: 20 }, 40);
    expect(live.resume_point).toEqual({ epoch: 'a', seq: 20 });
    expect(host.log).toEqual(['open', 'hello', 'snapshot', 'delta 20', 'live']);
  });

  test('is asked for anew when the connection was given up before its last slice', () => {
    connect();
    live.message(cut, 30);
    live.closed(40);
    live.tick(1_000);
    expect(host.log.at(-1)).toBe('open');
    live.message({ type: 'complete', seq: 20 }, 1_010);
    expect(live.resume_point).toBeNull();
  });

  test('may take longer than a connection may be silent', () => {
    live.start(0);
    live.message(hello('a', 20), 10);
    for (let t = 1_000; t <= 10 * open_limit_ms; t += 1_000) {
      live.message({ type: 'coming', part: t / 1_000 }, t);
      live.tick(t + 500);
    }
    expect(host.log).toEqual(['open', 'hello']);
    live.tick(11 * open_limit_ms);
    expect(host.log).toContain('close');
  });
});

describe('a gap', () => {
  test('a delta that does not follow on is not applied', () => {
    connect();
    live.message(delta(11, 12), 30);
    expect(host.log).toEqual(['close']);
    live.tick(1_000);
    expect(host.log.at(-1)).toBe('open a/10');
  });

  test('a second gap in a row asks for everything', () => {
    connect();
    live.message(delta(11, 12), 30);
    live.tick(1_000);
    live.message(hello('a', 12), 1_010);
    live.message(delta(11, 12), 1_020);
    live.tick(5_000);
    expect(host.log.at(-1)).toBe('open');
  });

  test('beats that name another place three times in a row ask for everything', () => {
    connect();
    for (const t of [500, 1_000, 1_500]) live.message(beat(99), t);
    live.tick(3_000);
    expect(host.log.at(-1)).toBe('open');
  });

  test('bytes that are not JSON are counted and answered with a fresh start', () => {
    connect();
    live.message(null, 30);
    expect(live.refused).toBe(1);
    live.tick(1_000);
    expect(host.log).toEqual(['close', 'open']);
  });
});
