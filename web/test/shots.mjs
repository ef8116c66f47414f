// Screenshots for people to look at: three sizes, three modes, several states.
//   node test/shots.mjs --url http://127.0.0.1:PORT --shots FOLDER [--only day-1440]
import { mkdirSync } from 'node:fs';
import { join } from 'node:path';
import { launch, open_page, settle } from './chromium.mjs';

const option = (name, otherwise) => {
  const at = process.argv.indexOf(`--${name}`);
  return at < 0 ? otherwise : process.argv[at + 1];
};
const url = option('url', 'http://127.0.0.1:8099');
const folder = option('shots', 'shots');
const only = option('only', '');
const sizes = [
  [1440, 900],
  [1024, 768],
  [360, 740],
];
mkdirSync(folder, { recursive: true });
const { browser, close } = await launch();
const pause = (ms) => new Promise((done) => setTimeout(done, ms));
try {
  for (const mode of ['day', 'dark', 'night'])
    for (const [width, height] of sizes) {
      const name = `${mode}-${width}`;
      if (only && !name.includes(only)) continue;
      const { page, context, errors } = await open_page(browser, url, {
        width,
        height,
        settings: { mode, language: option('language', 'en') },
      });
      await page.screenshot({ path: join(folder, `${name}.png`) });
      if (width < 760) {
        for (const pane of [0, 2]) {
          await page.evaluate((i) => document.querySelectorAll('nav button.quiet')[i].click(), pane);
          await pause(400);
          await page.screenshot({ path: join(folder, `${name}-pane${pane}.png`) });
        }
      }
      await page.evaluate(() => document.querySelector('.row').click());
      await pause(700);
      await settle(page);
      await page.screenshot({ path: join(folder, `${name}-record.png`) });
      await page.keyboard.press('c');
      await pause(500);
      await page.screenshot({ path: join(folder, `${name}-add.png`) });
      if (width === 1440) {
        await page.keyboard.press('Escape');
        await page.keyboard.press('Escape');
        await page.keyboard.press('?');
        await pause(300);
        await page.screenshot({ path: join(folder, `${name}-help.png`) });
      }
      if (errors.length) console.log(name, errors);
      await context.close();
    }
} finally {
  await close();
}
