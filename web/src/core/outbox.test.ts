import { expect, test } from 'vitest';
import { Outbox, outbox_limit, type Delivery } from './outbox';
import type { Command } from './types';

const command = (id: string): Command => ({ id, record: 'message', entity: null, writes: [] });
const yes: Delivery = { kind: 'answered', answer: { ok: true, entity: 'd.1' } };
const settle = () => new Promise((done) => setTimeout(done, 0));

test('an undelivered command is sent again with the same id, in order', async () => {
  const sent: string[] = [];
  let up = false;
  const outbox = new Outbox(async (c) => {
    sent.push(c.id);
    return up ? yes : { kind: 'undelivered', why: 'no connection' };
  });
  const first = outbox.put(command('a'), 0);
  const second = outbox.put(command('b'), 0);
  await settle();
  outbox.tick(100);
  await settle();
  expect(sent).toEqual(['a']);
  expect(outbox.waiting).toBe(2);
  up = true;
  outbox.tick(200, true);
  expect(await first).toEqual(yes);
  expect(await second).toEqual(yes);
  expect(sent).toEqual(['a', 'a', 'b']);
  expect(outbox.waiting).toBe(0);
});

test('a refusal is final and does not hold up the next', async () => {
  const outbox = new Outbox(async (c) =>
    c.id === 'bad' ? { kind: 'refused', error: { code: 'invalid_value', message: 'no' } } : yes,
  );
  const results = await Promise.all([outbox.put(command('bad'), 0), outbox.put(command('good'), 0)]);
  expect(results.map((r) => r.kind)).toEqual(['refused', 'answered']);
});

test('a full outbox says so', async () => {
  const outbox = new Outbox(async () => ({ kind: 'undelivered', why: 'x' }));
  for (let i = 0; i < outbox_limit; i++) void outbox.put(command(String(i)), 0);
  expect(await outbox.put(command('more'), 0)).toMatchObject({
    kind: 'refused',
    error: { code: 'outbox_full' },
  });
});
