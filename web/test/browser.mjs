// Browser tests against a running node. They find their records through the API or make them; what they add is named
// "Browser test ..." and deleted again where the page can do it.
//
//   node test/browser.mjs --url http://127.0.0.1:PORT [--shots FOLDER] [--node-pid PID] [--program AIRBRIDGE] [--only "WORDS|OTHERS"]
//
// With --node-pid the node process is stopped and continued (SIGSTOP, SIGCONT) to see the page notice and heal; without
// it the page's own socket is muted. With --program two more nodes of that program are started, joined and stopped.
import { mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { createRequire } from 'node:module';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { launch, open_page, settle } from './chromium.mjs';
import { check, equal, Node, option, pause, Runner, until } from './kit.mjs';
import { add_bearer_tests } from './bearer_tests.mjs';
import { add_pair_tests } from './pair_tests.mjs';

const url = option('url', process.env.AIRBRIDGE_URL);
if (!url) {
  console.error('usage: npm run browser -- --url http://127.0.0.1:PORT');
  process.exit(2);
}
const shots = option('shots', '');
const node_pid = Number(option('node-pid', 0));
const node = new Node(url);
const runner = new Runner();
const test = runner.test.bind(runner);
const axe_source = readFileSync(createRequire(import.meta.url).resolve('axe-core/axe.min.js'), 'utf8');
if (shots) mkdirSync(shots, { recursive: true });

const { browser, close } = await launch();
let view; // the page most tests share
let page;

const shot = async (name) => {
  if (shots) await page.screenshot({ path: join(shots, `${name}.png`) });
};
const text = (selector) => page.$eval(selector, (element) => element.textContent.trim());
const focus = (selector) => page.$eval(selector, (element) => element.focus());
const press = (...keys) =>
  keys.reduce((before, key) => before.then(() => page.keyboard.press(key)), Promise.resolve());
const title = () => page.$eval('#record-title', (element) => element.textContent.trim()).catch(() => '');
const quiet = async () => {
  // Nothing open, nothing typed, focus nowhere: how each test finds the page.
  await page.evaluate(() => document.activeElement?.blur());
  for (let i = 0; i < 4; i++) await press('Escape');
  await page.evaluate(() => {
    const filter = document.querySelector('#filter');
    if (filter?.value) {
      filter.value = '';
      filter.dispatchEvent(new Event('input', { bubbles: true }));
    }
    document.activeElement?.blur();
  });
};
const filter = async (words) => {
  await page.$eval(
    '#filter',
    (element, value) => {
      element.value = value;
      element.dispatchEvent(new Event('input', { bubbles: true }));
    },
    words,
  );
};
const rows = () => page.$$eval('.row .title', (list) => list.map((element) => element.textContent.trim()));
const choose = (group, words) =>
  page.evaluate(
    (label, wanted) => {
      const box = [...document.querySelectorAll('form [role="group"]')].find((g) => g.ariaLabel === label);
      [...(box?.querySelectorAll('button') ?? [])].find((b) => b.textContent.trim() === wanted)?.click();
    },
    group,
    words,
  );
const type_into = async (label, words) => {
  const handle = await page.$(`form [aria-label="${label}"]`);
  check(handle, `the form has a field "${label}"`);
  await handle.focus();
  await page.keyboard.type(words);
};
const save = () => page.$eval('form button.primary', (button) => button.click());

async function axe(where, target = page) {
  await target.evaluate(axe_source);
  const found = await target.evaluate(async () => {
    const result = await window.axe.run(document, {
      runOnly: ['wcag2a', 'wcag2aa', 'wcag21a', 'wcag21aa', 'wcag22aa', 'best-practice'],
    });
    return result.violations.map(
      (v) =>
        `${v.id}: ${v.nodes
          .slice(0, 3)
          .map((n) => `${n.target.join(' ')} ${n.any[0]?.message ?? ''}`)
          .join(' | ')}`,
    );
  });
  equal(found, [], `axe-core, ${where}`);
}

test('the page loads and asks nobody but the node', async () => {
  view = await open_page(browser, url);
  page = view.page;
  await shot('day-1440');
  const origin = new URL(url).origin;
  const foreign = view.requests.filter(
    (r) =>
      !r.startsWith(origin) &&
      !r.startsWith('blob:') &&
      !r.startsWith('data:') &&
      !r.startsWith(origin.replace('http', 'ws')),
  );
  equal(foreign, [], 'requests that leave the box');
  equal(view.errors, [], 'errors on the page');
});

test('there is no inline script', async () => {
  equal(await page.$$eval('script:not([src])', (list) => list.length), 0, 'inline scripts');
});

test('every record and track of the node is in the list', async () => {
  await quiet();
  await until(async () => {
    const state = await node.get('/api/v1/state');
    const units = new Set(state.entities.map((e) => e.id));
    const hidden = ['membership', 'incident', 'attachment', 'plan']; // In their own group only.
    const wanted =
      state.entities.filter((e) => !e.deleted && !hidden.includes(e.record)).length +
      state.tracks.filter((t) => !units.has(t.id) && !(t.unit && units.has(t.unit))).length;
    return Number(await page.$eval('#rows', (grid) => grid.getAttribute('aria-rowcount'))) === wanted;
  }, 'the list has as many rows as the node has records');
});

test('what is made up, an exercise or insecure is said in words', async () => {
  const state = await node.get('/api/v1/state');
  const status = await node.get('/api/v1/status');
  const tags = await text('header .tags');
  if (state.entities.some((e) => e.made_up && !e.deleted))
    check(tags.includes('Made-up data'), 'made-up data is labelled');
  if (status.incident?.exercise) check(tags.includes('EXERCISE'), 'an exercise is labelled');
  if (process.argv.includes('--lab')) check(status.insecure_lab, 'the node runs as an insecure lab');
  check(
    tags.includes('INSECURE LAB') === Boolean(status.insecure_lab),
    'insecure lab is shown, and only then',
  );
  if (status.insecure_lab) {
    const [red, green, blue] = await page.$eval('[data-testid="insecure"]', (tag) =>
      getComputedStyle(tag)
        .backgroundColor.match(/[0-9.]+/g)
        .map(Number),
    );
    check(red > 2 * green && red > 2 * blue, `insecure lab is red, not ${red} ${green} ${blue}`);
  }
});

test('arrow keys move in the list and Enter opens the record', async () => {
  await quiet();
  await focus('#rows');
  await press('ArrowDown', 'ArrowDown');
  const chosen = await page.$eval('.row[aria-selected="true"] .title', (element) =>
    element.textContent.trim(),
  );
  equal(await title(), chosen, 'the record shows the chosen row');
  await press('Enter');
  await until(
    () => page.evaluate(() => document.activeElement?.id === 'record-title'),
    'the record has the focus',
  );
  await press('Escape');
  await shot('day-1440-record');
});

test('the slash key goes to the filter, and every word narrows the list', async () => {
  await quiet();
  const entity = (await node.entities()).find((e) => !e.deleted && typeof e.fields.name?.value === 'string');
  check(entity, 'the node has a named record');
  await press('/');
  await until(() => page.evaluate(() => document.activeElement?.id === 'filter'), 'the filter has the focus');
  await page.keyboard.type(entity.fields.name.value.toUpperCase());
  await until(async () => {
    const shown = await rows();
    return shown.length > 0 && shown.length < 4 && shown.includes(entity.fields.name.value);
  }, 'the filter leaves the record');
  await press('Escape');
});

test('a casualty added with the keyboard is in the list and in the node', async () => {
  await quiet();
  const before = new Set((await node.entities()).map((e) => e.id));
  await press('c');
  await page.waitForSelector('form .triage');
  await choose('Triage', 'Immediate');
  await type_into('Place', 'N46 33.000 E007 54.000');
  await type_into('Condition', 'Browser test casualty');
  await shot('day-1440-casualty');
  await save();
  const added = await until(
    async () => (await node.entities()).find((e) => !before.has(e.id) && e.record === 'casualty'),
    'the node has the casualty',
  );
  equal(added.fields.triage.value, 'red', 'triage');
  check(Math.abs(added.lat - 46.55) < 1e-6 && Math.abs(added.lon - 7.9) < 1e-6, 'the place is the typed one');
  await until(async () => (await title()).includes(added.display), 'the record is shown');
  await filter(added.display);
  await until(async () => (await rows()).length === 1, 'the list has it');
  const saved = await text('[data-testid="saved"]');
  check(saved.includes('Saved on this node'), `it says where it is saved: ${saved}`);
});

test('undo takes the last change back', async () => {
  await page.evaluate(() => document.activeElement?.blur());
  const shown = await page.$eval('.row', (row) => row.textContent);
  check(shown, 'the casualty of the test before is still shown');
  await press('u');
  await until(async () => (await rows()).length === 0, 'the added casualty leaves the list');
  await filter('');
});

test('a message can be sent', async () => {
  await quiet();
  const words = `Browser test message ${Date.now()}`;
  await press('t');
  await page.waitForSelector('form textarea');
  await type_into('Text', words);
  await save();
  await until(
    async () =>
      (await node.entities()).some(
        (e) => e.record === 'message' && JSON.stringify(e.fields.text).includes(words),
      ),
    'the node has the message',
  );
  await filter(words);
  await until(async () => (await rows()).length === 1, 'the list has the message');
  await filter('');
});

test('a marker is placed with a click on the map', async () => {
  await quiet();
  const name = `Browser test marker ${Date.now()}`;
  await press('s');
  await page.waitForSelector('form .place');
  await choose('Category', 'Marker');
  await type_into('Name', name);
  await page.$eval('form .place button', (button) => button.click());
  await page.waitForSelector('.pick');
  const box = await page.$eval('.map canvas', (canvas) => canvas.getBoundingClientRect().toJSON());
  await page.mouse.click(box.x + box.width / 2, box.y + box.height * 0.55);
  await until(async () => (await page.$('.pick')) === null, 'the click was taken');
  await save();
  const site = await until(
    async () => (await node.entities()).find((e) => e.fields.name?.value === name),
    'the node has the marker',
  );
  check(Number.isFinite(site.lat) && Number.isFinite(site.lon), 'it has a place');
  await until(
    () => page.evaluate((id) => window.airbridge_map.points.get(id)?.symbol === 'site.marker', site.id),
    'the map draws it',
  );
});

test('a hazard with a radius is added from typed coordinates', async () => {
  await quiet();
  const name = `Browser test hazard ${Date.now()}`;
  await press('h');
  await page.waitForSelector('form .radius');
  await choose('Category', 'Fire');
  await choose('Severity', 'Severe');
  await type_into('Extent', '46.56, 7.91');
  await page.focus('form .radius input');
  await page.keyboard.type('400');
  await type_into('Name', name);
  await save();
  const hazard = await until(
    async () => (await node.entities()).find((e) => e.fields.name?.value === name),
    'the node has the hazard',
  );
  equal(hazard.geometry?.type, 'Polygon', 'its outline');
  equal(Math.round(hazard.fields.geometry.value.radius_m), 400, 'its radius');
  equal(hazard.fields.state.value, 'raised', 'its state');
});

test('a form says what is missing and what is no place', async () => {
  await quiet();
  await press('h');
  await page.waitForSelector('form .radius');
  await type_into('Extent', 'nowhere');
  await until(async () => (await page.$('form .wrong')) !== null, 'the place is refused');
  await save();
  await until(
    async () => /Still missing: .*Category/.test(await text('footer')),
    'the missing fields are named',
  );
  await quiet();
});

test('a field is edited, the record deleted and restored', async () => {
  await quiet();
  const name = `Browser test site ${Date.now()}`;
  const made = await node.create('site', { category: 'shelter', name, place: { lat: 46.57, lon: 7.92 } });
  await filter(name);
  await until(async () => (await rows()).length === 1, 'the list has the site');
  await page.$eval('.row', (row) => row.click());
  await until(async () => (await title()) === name, 'the record is shown');
  await page.$eval('button[aria-label="Edit: Name"]', (button) => button.click());
  await page.waitForSelector('dd form input');
  await page.$eval('dd form input', (input) => input.select());
  await page.keyboard.type(`${name} renamed`);
  await press('Enter');
  await until(
    async () => (await node.entity(made.entity)).fields.name.value === `${name} renamed`,
    'the node has the new name',
  );
  await until(async () => (await title()) === `${name} renamed`, 'the record shows the new name');
  await page.$eval('.actions .danger', (button) => button.click());
  await until(async () => (await node.entity(made.entity)).deleted, 'the node has it deleted');
  await until(async () => (await page.$('[data-testid="deleted"]')) !== null, 'the record says so');
  await page.$$eval('.actions button', (list) => list.at(-1).click());
  await until(async () => !(await node.entity(made.entity)).deleted, 'the node has it back');
  await until(async () => (await page.$('[data-testid="deleted"]')) === null, 'the record is back');
  await page.$eval('summary', (summary) => summary.parentElement.scrollIntoView());
  await page.$$eval('summary', (list) => list.at(-1).click());
  await until(async () => (await page.$$('details ol li')).length >= 3, 'the history tells the steps');
  await filter('');
});

test('a conflict shows all values and one key settles it', async () => {
  await quiet();
  const name = `Browser test conflict ${Date.now()}`;
  const made = await node.create('casualty', { triage: 'yellow', name, place: { lat: 46.54, lon: 7.93 } });
  // A write that names no dot has not seen the first: two values stand beside each other.
  await node.command('casualty', made.entity, [{ field: 'triage', value: 'red', replaces: [] }]);
  await until(
    async () => (await node.entity(made.entity)).conflicts.includes('triage'),
    'the node sees the conflict',
  );
  await filter(name);
  await until(async () => (await rows()).length === 1, 'the list has it');
  await until(async () => (await text('.row .end')).includes('Conflict'), 'the list says so');
  await page.$eval('.row', (row) => row.click());
  await page.waitForSelector('[data-testid="conflict"]');
  const values = await page.$$eval('[data-testid="conflict"] button strong', (list) =>
    list.map((e) => e.textContent.trim()),
  );
  equal([...values].sort(), ['Delayed', 'Immediate'], 'both values are shown');
  equal(values[0], 'Immediate', 'the most cautious value is acted on');
  await shot('day-1440-conflict');
  await page.evaluate(() => document.activeElement?.blur());
  await press('2');
  await until(async () => (await node.entity(made.entity)).conflicts.length === 0, 'the node has it settled');
  equal((await node.entity(made.entity)).fields.triage.value, 'yellow', 'the chosen value holds');
  await until(async () => (await page.$('[data-testid="conflict"]')) === null, 'the page has it settled');
  await filter('');
});

test('all conflicts are in one list: a key opens it, settles, takes back', async () => {
  await quiet();
  const name = `Browser test list ${Date.now()}`;
  const made = await node.create('casualty', { triage: 'yellow', name, place: { lat: 46.55, lon: 7.94 } });
  await node.command('casualty', made.entity, [{ field: 'triage', value: 'red', replaces: [] }]);
  const hazard = await node.create('hazard', {
    category: 'cable',
    name: `${name} cable`,
    state: 'confirmed',
    geometry: { type: 'Point', coordinates: [7.95, 46.55] },
  });
  const { coverage } = await node.entity(hazard.entity);
  await node.command('hazard', hazard.entity, [{ field: 'deleted', value: true, replaces: coverage }]);
  await node.command('hazard', hazard.entity, [{ field: 'severity', value: 'severe', replaces: [] }]);
  const unit = await node.create('unit', { category: 'helicopter', callsign: `${name} HELI` });
  for (const text of ['first', 'second'])
    await node.create('task', { state: 'assigned', assignee: unit.entity, text: `${name} ${text}` });
  const count = async () => (await node.get('/api/v1/conflicts')).conflicts;
  const of = async (title) => (await count()).some((one) => one.title?.includes(title));
  const items = () => page.$$eval('[data-testid="conflict-item"]', (list) => list.map((e) => e.ariaLabel));
  const go_to = async (words) => {
    await until(async () => (await items()).some((label) => label.includes(words)), `${words} is listed`);
    for (let i = 0; i < 40; i++) {
      const now = await page.$eval('.one.current', (one) => one.ariaLabel);
      if (now.includes(words)) return;
      const list = await items();
      const up = list.findIndex((label) => label.includes(words)) < list.indexOf(now);
      await press(up ? 'ArrowUp' : 'ArrowDown');
    }
    throw new Error(`${words} is not reached by arrow keys`);
  };

  await until(async () => (await page.$('[data-testid="conflicts"]')) !== null, 'the strip counts them');
  await press('x');
  await page.waitForSelector('[data-testid="conflict-item"]');
  await until(
    async () => (await items()).filter((label) => label.includes(name)).length >= 3,
    'all are listed',
  );
  const first = await page.$eval('[data-testid="conflict-item"]', (one) => one.textContent);
  check(first.includes('Urgent'), 'an urgent one comes first');
  await axe('day, conflicts');
  await shot('day-1440-conflicts');

  await go_to(`${name}: Triage`);
  const said = await page.$eval('.one.current', (one) => one.textContent);
  for (const words of ['Neither knew of the other', 'Immediate', 'Delayed', 'POST 1', 'ago'])
    check(said.includes(words), `the conflict says "${words}"`);
  await press('2');
  await until(async () => (await node.entity(made.entity)).conflicts.length === 0, 'settled by a key');
  equal((await node.entity(made.entity)).fields.triage.value, 'yellow', 'the chosen value holds');
  await until(async () => (await page.$('[data-testid="conflict-said"]')) !== null, 'the list says so');
  await press('u');
  await until(
    async () => (await node.entity(made.entity)).conflicts.includes('triage'),
    'taken back by a key',
  );
  // What was offered before the conflict came back settles only what was known then: the list is read anew in between.
  await until(async () => {
    if ((await node.entity(made.entity)).conflicts.length === 0) return true;
    await go_to(`${name}: Triage`);
    await press('1');
    await pause(700);
    return false;
  }, 'settled again');
  equal((await node.entity(made.entity)).fields.triage.value, 'red', 'the other value holds');

  await go_to(`${name} cable`);
  await press('1');
  await until(
    async () => !(await node.entity(hazard.entity)).revived,
    'the hazard is kept, and that is settled',
  );
  check(!(await node.entity(hazard.entity)).deleted, 'the hazard is there');

  check(await of('HELI'), 'the unit is claimed twice');
  await go_to('HELI');
  await press('2');
  await until(async () => !(await of('HELI')), 'one task keeps the unit');
  await press('Escape');
  await until(async () => (await page.$('dialog')) === null, 'the list closes');
});

test('where something is saved stands in lists, records and the journal', async () => {
  await quiet();
  const words = `Browser test saved ${Date.now()}`;
  await node.create('message', { text: words });
  await filter(words);
  await until(async () => (await rows()).length === 1, 'the list has it');
  await until(async () => (await text('.row .end')).includes('Only here'), 'the list says where it is saved');
  await page.$eval('.row', (row) => row.click());
  await until(
    async () => (await text('[data-testid="saved"]')).includes('nowhere else yet'),
    'so does the record',
  );
  await quiet();
  await press('j');
  await until(
    async () =>
      (await page.$$eval('.list ol li', (list) => list.map((line) => line.textContent))).some(
        (line) => line.includes(words) && line.includes('Only here'),
      ),
    'and the journal',
  );
  await press('j');
  await filter('');
});

const alone_url = option('alone-url', '');
if (alone_url)
  test('a node that hears nobody says so, with what is at stake and what to do', async () => {
    for (const [width, height, mode] of [
      [1440, 900, 'day'],
      [1440, 900, 'night'],
      [360, 740, 'day'],
    ]) {
      const { page: own, context } = await open_page(browser, alone_url, {
        width,
        height,
        settings: { mode },
      });
      try {
        const words = await own.$eval('[data-testid="banner-cut-off"]', (banner) => banner.textContent);
        for (const part of [
          'cut off',
          'since the start',
          'Saved only here:',
          'urgent',
          'Keep this device powered',
        ])
          check(words.includes(part), `the banner says "${part}"`);
        check(await own.evaluate(() => document.documentElement.scrollWidth <= innerWidth), 'it fits');
        await axe(`cut off, ${mode} ${width}`, own);
        if (shots) await own.screenshot({ path: join(shots, `cut-off-${mode}-${width}.png`) });
        await own.keyboard.press('l');
        await own.waitForSelector('[data-testid="peer"]');
        const peer = await own.$eval('[data-testid="peer"]', (one) => one.textContent);
        check(peer.includes('Missing here') && peer.includes('Missing there'), 'what is missing is said');
        check(/Lost|Connecting/.test(peer), 'the peer is not there');
        await axe(`links, ${mode} ${width}`, own);
        if (shots) await own.screenshot({ path: join(shots, `links-${mode}-${width}.png`) });
      } finally {
        await context.close();
      }
    }
  });

const program = option('program', '');
const pairs = program
  ? [add_pair_tests, add_bearer_tests].map((add) => add(test, { browser, program, shots, axe }))
  : [];

test('events leave in a file and come in from one, and a file that is none is named', async () => {
  const folder = mkdtempSync(join(tmpdir(), 'airbridge-courier-'));
  const session = await page.createCDPSession();
  await session.send('Browser.setDownloadBehavior', {
    behavior: 'allow',
    downloadPath: folder,
    browserContextId: page.browserContext().id,
  });
  try {
    await quiet();
    await press('l');
    await page.waitForSelector('[data-testid="courier-write"]');
    await focus('[data-testid="courier-for"]');
    await page.keyboard.type('Courier test');
    await page.$eval('[data-testid="courier-write"]', (button) => button.click());
    const bundle = await until(
      () => readdirSync(folder).find((name) => name.endsWith('.bundle')),
      'the browser has the file',
    );
    await until(
      async () => (await text('[data-testid="courier-said"]')).includes('handed to this browser'),
      'the page says what is in it',
    );
    await page.$eval('[data-testid="courier-keep"]', (button) => button.click());
    await until(
      async () => (await text('[data-testid="courier-said"]')).includes('Remembered for'),
      'what was carried is remembered',
    );
    const no_bundle = join(folder, 'letter.txt');
    writeFileSync(no_bundle, 'Dear all, nothing in here is an event.');
    const input = await page.$('[data-testid="courier-read"]');
    await input.uploadFile(join(folder, bundle), no_bundle);
    await until(async () => {
      const said = await text('[data-testid="courier-said"]');
      return said.includes('were here already') && said.includes('Not read:');
    }, 'both files are answered');
    check((await text('[data-testid="courier-said"]')).includes('Brought nothing new'), 'nothing came twice');
    await axe('links with a file that was read');
    await page.$eval('[data-testid="courier-said"]', (said) => said.scrollIntoView({ block: 'end' }));
    await shot('courier');
  } finally {
    await session.detach();
    rmSync(folder, { recursive: true, force: true });
    await quiet();
  }
});

test('hostile text is shown as text', async () => {
  await quiet();
  const callsign = `<img src=x onerror="window.hacked=1">${Date.now() % 1000}`;
  await node.create('unit', { category: 'vehicle', callsign, place: { lat: 46.6, lon: 7.9 } });
  await filter(callsign.slice(-20));
  await until(async () => (await rows()).includes(callsign), 'the call sign is shown letter by letter');
  await page.$eval('.row', (row) => row.click());
  await until(async () => (await title()) === callsign, 'also in the record');
  equal(await page.evaluate(() => window.hacked ?? null), null, 'nothing of it ran');
  equal(await page.$$eval('img[src="x"]', (list) => list.length), 0, 'no element was made from it');
  await filter('');
});

test('own position is set by a click', async () => {
  await quiet();
  await press('o');
  await page.waitForSelector('.pick');
  await page.$$eval('.pick button', (list) => list[0].click());
  const own = await until(async () => {
    const status = await node.get('/api/v1/status');
    return status.own_position?.source === 'page' && status.own_position;
  }, 'the node has the own position');
  check(Number.isFinite(own.lat), 'it is a place');
});

test('a silent node is noticed within 2 s, ages count on, and it heals without a reload', async () => {
  await quiet();
  await page.evaluate(() => (window.not_reloaded = true));
  const clock = await text('.utc');
  const began = Date.now();
  await page.evaluate(() => (window.mute_node = true));
  if (node_pid) process.kill(node_pid, 'SIGSTOP');
  let noticed;
  try {
    await page.waitForSelector('[data-testid="banner-lost"]', { timeout: 10_000 });
    noticed = Date.now() - began;
    await pause(1_500);
    await shot('day-1440-lost');
    check((await text('.utc')) !== clock, 'the clock goes on');
    check(
      await page.$eval('.map canvas', (canvas) => getComputedStyle(canvas).filter.includes('grayscale')),
      'the map lost its colours',
    );
  } finally {
    if (node_pid) process.kill(node_pid, 'SIGCONT');
  }
  const name = `Browser test while silent ${Date.now()}`;
  await node.create('site', { category: 'marker', name, place: { lat: 46.55, lon: 7.95 } });
  await page.evaluate(() => (window.mute_node = false));
  await until(
    async () => (await page.$('[data-testid="banner-lost"]')) === null,
    'the banner goes away',
    20_000,
  );
  await filter(name);
  await until(async () => (await rows()).length === 1, 'what happened meanwhile is shown');
  check(await page.evaluate(() => window.not_reloaded === true), 'the page was not reloaded');
  await filter('');
  // Printed, not barred: the promise of 2 s is kept by core/live.test.ts; here the machine may be busy.
  console.log(`     noticed after ${noticed} ms`);
});

test('a change made without a connection is kept and saved later', async () => {
  await quiet();
  const words = `Browser test kept ${Date.now()}`;
  await page.setOfflineMode(true);
  try {
    await press('t');
    await page.waitForSelector('form textarea');
    await type_into('Text', words);
    await save();
    await until(
      async () => (await text('header')).includes('Not saved: '),
      'the page says that it is not saved',
    );
  } finally {
    await page.setOfflineMode(false);
  }
  await until(
    async () => (await node.entities()).some((e) => JSON.stringify(e.fields.text ?? '').includes(words)),
    'the node has it in the end',
    30_000,
  );
  await until(async () => !(await text('header')).includes('Not saved: '), 'the page says that it is saved');
});

test('single-key shortcuts can be switched off', async () => {
  await quiet();
  await page.$eval('button[aria-label="Settings"]', (button) => button.click());
  await page.waitForSelector('dialog[open]');
  await page.$eval('dialog input[type="checkbox"]', (box) => box.click());
  await press('Escape');
  await until(async () => (await page.$('dialog')) === null, 'the dialog closes');
  await page.evaluate(() => document.activeElement?.blur());
  await press('c');
  equal(await page.$$eval('form', (list) => list.length), 0, 'forms opened by the key');
  await page.$eval('button[aria-label="Settings"]', (button) => button.click());
  await page.waitForSelector('dialog[open]');
  await page.$eval('dialog input[type="checkbox"]', (box) => box.click());
  await press('Escape');
  await until(async () => (await page.$('dialog')) === null, 'the dialog closes');
});

test('the journal shows what happened', async () => {
  await quiet();
  await press('j');
  await until(async () => (await page.$$('.list ol li')).length > 3, 'the journal has lines');
  await shot('day-1440-journal');
  await press('j');
});

for (const mode of ['day', 'dark', 'night'])
  test(`axe-core finds nothing, ${mode} mode`, async () => {
    const { page: own, context } = await open_page(browser, url, { settings: { mode } });
    try {
      await axe(`${mode}, overview`, own);
      if (shots) await own.screenshot({ path: join(shots, `${mode}-1440.png`) });
      await own.$eval('.row', (row) => row.click());
      await own.waitForSelector('#record-title');
      await axe(`${mode}, record`, own);
      if (mode !== 'day') return; // The rest differs by mode only in colours that were seen above.
      await own.keyboard.press('c');
      await own.waitForSelector('form');
      await axe(`${mode}, form`, own);
      await own.keyboard.press('Escape');
      for (const dialog of ['Help', 'Settings', 'node']) {
        await own.$eval(dialog === 'node' ? 'button.state' : `button[aria-label="${dialog}"]`, (button) =>
          button.click(),
        );
        await own.waitForSelector('dialog[open]');
        await axe(`${mode}, ${dialog}`, own);
        await own.keyboard.press('Escape');
        await own.waitForFunction(() => !document.querySelector('dialog'));
      }
      await own.keyboard.press('j');
      await own.waitForSelector('.list ol');
      await axe(`${mode}, journal`, own);
    } finally {
      await context.close();
    }
  });

test('the mode key goes through all modes', async () => {
  await quiet();
  const seen = [];
  for (let i = 0; i < 4; i++) {
    await press('m');
    seen.push(await page.evaluate(() => document.documentElement.dataset.mode));
  }
  check(seen.includes('dark') && seen.includes('night') && seen.at(-1) === 'day', `modes seen: ${seen}`);
});

test('at 360 px one pane is shown at a time and nothing runs over', async () => {
  const { page: small, context } = await open_page(browser, url, { width: 360, height: 740 });
  try {
    for (const pane of ['List', 'Map', 'Record']) {
      await small.evaluate(
        (name) =>
          [...document.querySelectorAll('nav button')].find((b) => b.textContent.trim() === name).click(),
        pane,
      );
      await pause(200);
      const shown = await small.$$eval(
        'main > section',
        (list) => list.filter((s) => getComputedStyle(s).display !== 'none').length,
      );
      equal(shown, 1, `panes shown with ${pane}`);
      check(
        await small.evaluate(() => document.documentElement.scrollWidth <= 360),
        `${pane} fits in 360 px`,
      );
      if (shots) await small.screenshot({ path: join(shots, `day-360-${pane.toLowerCase()}.png`) });
      if (pane === 'List') await axe(`360 px, ${pane}`, small);
    }
    const tiny = await small.$$eval('button, select, input', (list) =>
      list
        .map((e) => [e.ariaLabel || e.textContent.trim(), e.getBoundingClientRect()])
        .filter(([, box]) => box.width > 0 && (box.width < 20 || box.height < 20))
        .map(([name]) => name),
    );
    equal(tiny, [], 'targets under 20 px');
  } finally {
    await context.close();
  }
});

test('every language can be chosen; Arabic runs from right to left', async () => {
  const { page: own, context } = await open_page(browser, url, { settings: { language: 'ar' } });
  try {
    equal(
      await own.evaluate(() => [document.documentElement.lang, document.documentElement.dir]),
      ['ar', 'rtl'],
      'language and direction',
    );
    await own.$eval('.row', (row) => row.click());
    await own.waitForSelector('#record-title');
    check(await own.evaluate(() => document.documentElement.scrollWidth <= innerWidth), 'nothing runs over');
    await axe('Arabic', own);
    if (shots) await own.screenshot({ path: join(shots, 'day-1440-arabic.png') });
    for (const language of ['en', 'zh', 'fr', 'es', 'ru']) {
      await own.$eval('nav button.icon:nth-of-type(3)', (button) => button.click());
      await own.waitForSelector('dialog[open]');
      await own.$eval(`dialog button[lang="${language}"]`, (button) => button.click());
      await own.keyboard.press('Escape');
      await own.waitForFunction(
        (wanted) => document.documentElement.lang === wanted && !document.querySelector('dialog'),
        {},
        language,
      );
    }
  } finally {
    await context.close();
  }
});

test('no errors were written by the page all along', async () => {
  const expected = /ERR_INTERNET_DISCONNECTED|WebSocket connection|Failed to load resource/;
  equal(
    view.errors.filter((error) => !expected.test(error)),
    [],
    'errors',
  );
});

const good = await runner.run(option('only', ''), async (name) => {
  if (shots && page)
    await page.screenshot({ path: join(shots, `FAILED-${name.replace(/\W+/g, '-').slice(0, 60)}.png`) });
});
for (const close_pair of pairs) await close_pair();
await close();
process.exit(good ? 0 : 1);
