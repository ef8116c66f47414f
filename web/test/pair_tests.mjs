// What the page says of two real nodes that are joined: where a record and a message are saved, and when the other
// node is gone.
import { join } from 'node:path';
import { open_page } from './chromium.mjs';
import { check, equal, until } from './kit.mjs';
import { start_pair } from './pair.mjs';

// Numbers and names in words stand between marks of direction.
const label = (text) =>
  text
    .replace(/[\u2066-\u2069]/g, '')
    .replace(/\s+/g, ' ')
    .trim();

export function add_pair_tests(test, { browser, program, shots, axe }) {
  let pair;
  const with_page = async (node, size, body) => {
    const { page, context, errors } = await open_page(browser, node.url, size);
    try {
      await body(page);
      equal(
        errors.filter((error) => !/Failed to load resource|WebSocket connection/.test(error)),
        [],
        'errors on the page',
      );
    } catch (error) {
      await shot(page, 'FAILED-pair');
      throw error;
    } finally {
      await context.close();
    }
  };
  const shot = async (page, name) => {
    if (shots) await page.screenshot({ path: join(shots, `${name}.png`) });
  };
  const press = (page, key) => page.keyboard.press(key);
  const type_into = async (page, field, words) => {
    await (await page.waitForSelector(`form [aria-label="${field}"]`)).focus();
    await page.keyboard.type(words);
  };
  const save = async (page) => {
    await page.$eval('form button.primary', (button) => button.click());
    await until(async () => (await page.$('form button.primary')) === null, 'the form closes');
    await page.evaluate(() => document.activeElement?.blur());
  };
  /** What the list says behind the one row with these words; empty when there is none. */
  const mark_of = async (page, words) => {
    const rows = await page.$$eval('.row', (list) =>
      list.map((row) => [
        row.textContent,
        row.querySelector('[data-testid="saved-mark"]')?.textContent ?? '',
      ]),
    );
    return label(rows.find(([all]) => all.includes(words))?.[1] ?? '');
  };
  const open_row = async (page, words) => {
    await page.$$eval(
      '.row',
      (list, wanted) => list.find((row) => row.textContent.includes(wanted))?.click(),
      words,
    );
    await until(
      async () => (await page.$eval('#record-title', (e) => e.textContent).catch(() => '')).includes(words),
      `the record "${words}" is open`,
    );
  };
  const saved = async (page) => label(await page.$eval('[data-testid="saved"]', (line) => line.textContent));

  test('of two nodes: a record and a message are saved here, then on another, and at the post', async () => {
    pair = await start_pair(program);
    await with_page(pair.truck, {}, async (page) => {
      // While the post does not move nothing can be saved there.
      pair.post.signal('SIGSTOP');
      await press(page, 's');
      await page.waitForSelector('form');
      await page.$$eval('form button', (all) => all.find((b) => b.textContent.trim() === 'Marker').click());
      await type_into(page, 'Name', 'Landing place');
      await save(page);
      await press(page, 't');
      await type_into(page, 'Text', 'Two boats needed');
      await save(page);
      for (const words of ['Landing place', 'Two boats needed']) {
        await until(async () => (await mark_of(page, words)) === 'Only here', `"${words}" is only here`);
        await open_row(page, words);
        await until(
          async () => (await saved(page)) === 'Saved on this node, nowhere else yet',
          `the record "${words}" says that it is saved here`,
        );
      }
      await shot(page, 'pair-saved-here');

      pair.post.signal('SIGCONT');
      for (const words of ['Landing place', 'Two boats needed']) {
        await until(async () => (await mark_of(page, words)) === '+1 Post', `"${words}" is at the post`);
        await open_row(page, words);
        await until(
          async () => (await saved(page)) === 'Saved on this node, on 1 other (POST 1), and at the post',
          `the record "${words}" says where it is saved`,
        );
      }
      await shot(page, 'pair-saved-at-the-post');
      await press(page, 'j');
      await until(
        async () =>
          (await page.$$eval('.list ol li', (list) => list.map((line) => line.textContent))).some(
            (line) => line.includes('Two boats needed') && label(line).includes('+1 Post'),
          ),
        'the journal says the same',
      );
    });
  });

  test('of two nodes: the post says of what it wrote that it is on the other', async () => {
    await pair.post.create('message', { text: 'From the post' });
    await with_page(pair.post, {}, async (page) => {
      // Its own post is itself: that it is there is what "here" says.
      await until(async () => (await mark_of(page, 'From the post')) === '+1', 'the list says so');
      await open_row(page, 'From the post');
      await until(
        async () => (await saved(page)) === 'Saved on this node, on 1 other (TRUCK 2)',
        'so does the record',
      );
      equal(await mark_of(page, 'Landing place'), '+1', 'what came from the truck is there too');
    });
  });

  test('of two nodes: when the other is stopped the page says cut off, and what is only here', async () => {
    try {
      await with_page(pair.truck, {}, async (page) => {
        await press(page, 'l');
        await until(
          async () =>
            /POST 1\s+Connected/.test(await page.$eval('[data-testid="peer"]', (e) => e.textContent)),
          'the links name the post',
        );
        const peer = label(await page.$eval('[data-testid="peer"]', (e) => e.textContent));
        for (const words of [
          'Both hold the same',
          'Missing here',
          'Missing there',
          'both ways at once',
          'Rate in use',
          'Sent again',
        ])
          check(peer.includes(words), `the links say "${words}": ${peer}`);
        await shot(page, 'pair-links');
        await press(page, 'Escape');
        await until(async () => (await page.$('dialog')) === null, 'the dialog closes');
        await page.evaluate(() => document.activeElement?.blur());

        check((await page.$('[data-testid="banner-cut-off"]')) === null, 'nobody is cut off yet');
        check(await pair.post.stop(), 'the post ends cleanly');
        await page.waitForSelector('[data-testid="banner-cut-off"]');
        await press(page, 't');
        await type_into(page, 'Text', 'Water still rising');
        await save(page);
        await until(
          async () => (await mark_of(page, 'Water still rising')) === 'Only here',
          'it is only here',
        );
        equal(await mark_of(page, 'Two boats needed'), '+1 Post', 'what the post holds it still holds');
        const words = () =>
          page.$eval('[data-testid="banner-cut-off"]', (banner) => banner.textContent).then(label);
        await until(async () => /Saved only here: [1-9]/.test(await words()), 'what is at stake is counted');
        for (const part of ['This node is cut off', 'Nobody was heard for', 'Keep this device powered'])
          check((await words()).includes(part), `the banner says "${part}": ${await words()}`);
        await axe('cut off from the post', page);
        await shot(page, 'pair-cut-off');
      });
      check(await pair.truck.stop(), 'the truck ends cleanly');
    } finally {
      await pair.close();
    }
  });

  return async () => pair?.close();
}
