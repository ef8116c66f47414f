// A small test runner for the browser tests, and calls to the node's API from outside the page.
import { randomBytes } from 'node:crypto';

export const pause = (ms) => new Promise((done) => setTimeout(done, ms));

export function option(name, otherwise) {
  const at = process.argv.indexOf(`--${name}`);
  return at < 0 ? otherwise : process.argv[at + 1];
}

export function check(holds, words) {
  if (!holds) throw new Error(words);
}

export function equal(got, wanted, words) {
  const [a, b] = [JSON.stringify(got), JSON.stringify(wanted)];
  if (a !== b) throw new Error(`${words}: wanted ${b}, got ${a}`);
}

/** Asks again until the answer is truthy; the time only says when to give up. */
export async function until(question, words, limit_ms = 40_000) {
  const end = Date.now() + limit_ms;
  for (;;) {
    const answer = await question();
    if (answer) return answer;
    if (Date.now() > end) throw new Error(`gave up waiting: ${words}`);
    await pause(50);
  }
}

export class Runner {
  tests = [];
  test(name, body) {
    this.tests.push({ name, body });
  }
  async run(only, failed_shot) {
    let passed = 0;
    let failed = 0;
    for (const { name, body } of this.tests) {
      if (only && !only.split('|').some((words) => name.includes(words))) continue;
      const began = Date.now();
      try {
        await body();
        passed++;
        console.log(`ok   ${name} (${Date.now() - began} ms)`);
      } catch (error) {
        failed++;
        console.log(`FAIL ${name}\n     ${String(error?.message ?? error).replaceAll('\n', '\n     ')}`);
        await failed_shot(name).catch(() => {});
      }
    }
    console.log(`${passed} passed, ${failed} failed`);
    return failed === 0;
  }
}

/** The node's API as the tests use it. */
export class Node {
  constructor(url) {
    this.url = url.replace(/\/$/, '');
  }
  async get(path) {
    const response = await fetch(`${this.url}${path}`);
    if (!response.ok) throw new Error(`GET ${path}: ${response.status} ${await response.text()}`);
    return response.json();
  }
  async entities() {
    return (await this.get('/api/v1/state')).entities;
  }
  entity(id) {
    return this.get(`/api/v1/entities/${encodeURIComponent(id)}`);
  }
  async command(record, entity, writes) {
    const response = await fetch(`${this.url}/api/v1/commands`, {
      method: 'POST',
      headers: { 'content-type': 'application/json' },
      body: JSON.stringify({ id: randomBytes(16).toString('hex'), record, entity, writes }),
    });
    const body = await response.json();
    if (!response.ok) throw new Error(`command refused: ${JSON.stringify(body)}`);
    return body;
  }
  create(record, values) {
    const writes = Object.entries(values).map(([field, value]) => ({ field, value, replaces: [] }));
    return this.command(record, null, writes);
  }
}
