// Starts Debian's Chromium without network chatter, and opens the page so that nothing but the node can be reached.
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import puppeteer from 'puppeteer-core';

export async function launch() {
  const profile = mkdtempSync(join(tmpdir(), 'airbridge-page-'));
  const browser = await puppeteer.launch({
    executablePath: process.env.CHROMIUM ?? '/usr/bin/chromium',
    userDataDir: profile,
    protocolTimeout: 120_000,
    args: [
      '--headless=new',
      '--no-sandbox',
      '--use-angle=swiftshader',
      '--enable-unsafe-swiftshader',
      '--disable-background-networking',
      '--disable-component-update',
      '--disable-sync',
      '--no-first-run',
      '--force-color-profile=srgb',
      // Names other than this machine's do not resolve: what needs the net would fail here.
      '--host-resolver-rules=MAP * ~NOTFOUND, EXCLUDE 127.0.0.1, EXCLUDE localhost',
    ],
  });
  return {
    browser,
    async close() {
      const own = browser.process();
      await Promise.race([browser.close().catch(() => {}), new Promise((done) => setTimeout(done, 10_000))]);
      if (own && own.exitCode === null) own.kill('SIGKILL');
      rmSync(profile, { recursive: true, force: true });
    },
  };
}

/** A fresh page with its own storage. `requests` collects every address asked for, `errors` what went wrong. */
export async function open_page(
  browser,
  url,
  { width = 1440, height = 900, settings = {}, wait = true } = {},
) {
  const context = await browser.createBrowserContext();
  const page = await context.newPage();
  page.setDefaultTimeout(90_000); // A busy machine is slow, not wrong.
  await page.setViewport({ width, height });
  const requests = [];
  const errors = [];
  page.on('request', (request) => requests.push(request.url()));
  page.on('pageerror', (error) => errors.push(String(error)));
  page.on('console', (message) => {
    if (message.type() === 'error' || message.type() === 'warn')
      errors.push(`${message.type()}: ${message.text()}`);
  });
  await page.evaluateOnNewDocument(
    (kept) => {
      // Lets a test silence the node: with `mute_node` set the page hears nothing from its socket's worker. (The map's
      // workers are heard in another way and are not touched.)
      window.Worker = class extends Worker {
        set onmessage(hear) {
          super.onmessage = (event) => window.mute_node || hear(event);
        }
      };
      if (!localStorage.getItem('airbridge.settings')) localStorage.setItem('airbridge.settings', kept);
    },
    JSON.stringify({ language: 'en', mode: 'day', ...settings }),
  );
  await page.goto(url, { waitUntil: 'domcontentloaded' });
  if (wait) {
    await page.waitForSelector('.row, .empty', { timeout: 60_000 });
    await settle(page);
  }
  return { page, context, requests, errors };
}

/** Waits until the map has nothing left to load or draw. */
export async function settle(page) {
  await page.waitForFunction(() => window.airbridge_map !== undefined, { timeout: 60_000 });
  await page.evaluate(async () => {
    await window.airbridge_map.loaded();
    await Promise.race([window.airbridge_map.idle(), new Promise((done) => setTimeout(done, 15_000))]);
  });
}
