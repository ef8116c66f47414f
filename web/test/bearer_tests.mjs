// What the page says of a slow bearer between two real nodes: what it is like, what each side lacks by class and until
// when, what was spent, and which frames were not taken.
import { createSocket } from 'node:dgram';
import { join } from 'node:path';
import { open_page } from './chromium.mjs';
import { check, equal, until } from './kit.mjs';
import { start_pair } from './pair.mjs';

const label = (text) =>
  text
    .replace(/[\u2066-\u2069]/g, '')
    .replace(/\s+/g, ' ')
    .trim();

/** A free UDP port of this machine, and a way to send to it what no node says. */
async function open_noise() {
  const bound = (socket) => new Promise((done) => socket.bind(0, '127.0.0.1', done));
  const probe = createSocket('udp4');
  await bound(probe);
  const { port } = probe.address();
  await new Promise((done) => probe.close(done));
  const socket = createSocket('udp4');
  await bound(socket);
  const say = (bytes) =>
    new Promise((done, fail) =>
      socket.send(bytes, port, '127.0.0.1', (error) => (error ? fail(error) : done())),
    );
  return { port, say, close: () => socket.close() };
}

const red = { triage: 'red' };
/** Text that no dictionary squeezes much. */
const noise = (length) =>
  Array.from({ length }, () => String.fromCharCode(48 + Math.floor(Math.random() * 75))).join('');

export function add_bearer_tests(test, { browser, program, shots, axe }) {
  let pair;

  test('of a slow bearer: its profile, what each side lacks until when, what it cost and what it refused', async () => {
    pair = await start_pair(program); // by cable, so that each knows the other
    const air = await open_noise();
    const options = 'rate=4800&mtu=250&interval=2s';
    await pair.restart('truck', '--bearer', `radio=udp://127.0.0.1:${air.port}?${options}`);
    await pair.restart('post', '--bearer', `radio=udp://?listen=127.0.0.1:${air.port}&${options}`);
    const { post, truck } = pair;
    const status = () => post.get('/api/v1/status');
    await until(
      async () => (await status()).peers.some((peer) => peer.state === 'connected' && peer.level === 'equal'),
      'the two hear each other over the bearer',
    );
    const { page, context, errors } = await open_page(browser, post.url);
    const shot = async (name) => {
      if (shots) await page.screenshot({ path: join(shots, `${name}.png`) });
    };
    const words_of = async (id) => label(await page.$eval(`[data-testid="${id}"]`, (e) => e.textContent));
    /** The figure behind these words, of the peer or the bearer as a whole. */
    const figure = async (id, name) =>
      label(
        await page.$eval(
          `[data-testid="${id}"]`,
          (card, wanted) =>
            [...card.querySelectorAll(':scope > dl > div')]
              .find((row) => row.querySelector('dt').textContent.trim() === wanted)
              ?.querySelector('dd').textContent ?? '',
          name,
        ),
      );
    try {
      await page.keyboard.press('l');
      await until(async () => /^TRUCK 2 Connected/.test(await words_of('peer')), 'the links name the truck');
      equal(await figure('peer', 'Missing there'), '0', 'nothing is missing yet');

      // The truck does not move, so what it lacks stands still: the page says it by class.
      truck.signal('SIGSTOP');
      for (let i = 0; i < 2; i++) await post.create('casualty', red);
      for (let i = 0; i < 3; i++) await post.create('message', { text: 'Water is rising' });
      await post.create('journal', { text: 'Watch begun' });
      const wanted = '6 (2 urgent, 3 important)';
      await until(async () => (await figure('peer', 'Missing there')) === wanted, `the page says ${wanted}`);
      truck.signal('SIGCONT');
      await until(async () => (await figure('peer', 'Missing there')) === '0', 'it arrives');

      // A backlog that takes a while: how long, as far as that is known.
      let told = '';
      await until(
        async () => {
          for (let i = 0; i < 3; i++) await post.create('message', { text: noise(400) });
          told = await words_of('peer');
          return /Both hold the same in about \d+ (s|min).*Missing there [1-9]/.test(told);
        },
        'the page says when both will hold the same',
        90_000,
      ).catch((error) => {
        throw new Error(`${error.message}: ${told}`);
      });

      // What no node says is not taken, and counted by why.
      for (let i = 0; i < 3; i++) await air.say(Buffer.from('abc'));
      for (let i = 0; i < 2; i++) await air.say(Buffer.alloc(40, 0xff));
      await until(
        async () =>
          (await page.$('[data-testid="refused-frames"]')) !== null &&
          (await words_of('refused-frames')) === 'Frames refused: 3 too short, 2 of another version',
        'refused frames are counted',
      );
      const card = await words_of('bearer');
      for (const words of [
        'radio Network (UDP) Works',
        '4800 bit/s, frames of 250 B,',
        'encrypted, beacon every 2 s',
        'Channel busy',
        'Rate in use',
        'Positions every',
      ])
        check(card.includes(words), `the bearer says "${words}": ${card}`);
      check(/Channel busy [1-9]\d* %/.test(card), `it is busy: ${card}`);
      await axe('a slow bearer', page);
      await shot('bearer-backlog');

      // Both hold the same again, and what it cost stands as the node counts it. Beacons go on meanwhile.
      await until(
        async () => (await words_of('peer')).includes('Both hold the same Missing here 0'),
        'both hold the same',
        120_000,
      );
      for (const [name, key] of [
        ['Sent', 'bytes_sent'],
        ['Received', 'bytes_received'],
      ]) {
        const before = (await status()).bearers[0][key];
        const [number, unit] = (await figure('bearer', name)).split(' ');
        const after = (await status()).bearers[0][key];
        const shown = Number(number) * { B: 1, kB: 1000, MB: 1e6 }[unit];
        const room = unit === 'B' ? 0 : 500; // rounded, and up to two seconds old
        check(
          before > 0 && shown >= before - room - 200 && shown <= after + room,
          `${name} is ${before} to ${after}: ${number} ${unit}`,
        );
      }
      equal(errors, [], 'errors on the page');
    } catch (error) {
      await shot('FAILED-bearer');
      throw error;
    } finally {
      await context.close();
      air.close();
    }
    check(await truck.stop(), 'the truck ends cleanly');
    check(await post.stop(), 'the post ends cleanly');
  });

  return async () => pair?.close();
}
