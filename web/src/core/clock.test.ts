import { expect, test } from 'vitest';
import { ServerClock } from './clock';

test('time goes on by the steady clock after the node fell silent', () => {
  let steady = 1_000;
  const clock = new ServerClock(() => steady);
  expect(clock.now_ms()).toBeNull();
  clock.heard(1_700_000_000_000);
  steady += 90_000;
  expect(clock.now_ms()).toBe(1_700_000_090_000);
});

test('a time that is no number teaches nothing', () => {
  const clock = new ServerClock(() => 5);
  clock.heard(Number.NaN);
  expect(clock.known).toBe(false);
});
