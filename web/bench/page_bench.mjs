// Does the page stay smooth while thousands of symbols move? Opens the built page in Chromium against the mock server,
// which moves N tracks once a second in one delta, and watches for tasks over 50 ms on the page's main thread.
//
//   node bench/page_bench.mjs [--swarm 5000] [--seconds 30] [--dist FOLDER]
//
// Prints rows: name, value, unit, limit's ratio (value / limit), ok or short. The first seconds (loading, first fit) are
// left out. Raster time is printed only: without a GPU it says more about the machine than about the page.
import { launch, open_page, settle } from '../test/chromium.mjs';
import { start_mock } from '../dev/mock_server.mjs';

const option = (name, otherwise) => {
  const at = process.argv.indexOf(`--${name}`);
  return at < 0 ? otherwise : process.argv[at + 1];
};
const swarm = Number(option('swarm', 5000));
const seconds = Number(option('seconds', 30));
const limit_ms = 50;
const dist = option('dist', undefined);
const pause = (ms) => new Promise((done) => setTimeout(done, ms));

/** Traces the main thread for some seconds; answers its busiest task by processor time, and what it did. */
async function busiest_task(page) {
  await page.tracing.start({ categories: ['toplevel', 'devtools.timeline', 'gpu'] });
  await pause(2_000); // Starting the trace is itself a long task.
  await pause(6_000);
  const { traceEvents: events } = JSON.parse(Buffer.from(await page.tracing.stop()).toString());
  const began = Math.min(...events.filter((e) => e.ts > 0).map((e) => e.ts)) + 2_000_000;
  const mains = new Set(
    events
      .filter((e) => e.name === 'thread_name' && e.args.name === 'CrRendererMain')
      .map((e) => `${e.pid}:${e.tid}`),
  );
  const main = events.filter((e) => e.ph === 'X' && e.ts > began && mains.has(`${e.pid}:${e.tid}`) && e.tdur);
  const tasks = main.filter((e) => /RunTask/.test(e.name)).sort((a, b) => b.tdur - a.tdur);
  const parts = tasks.slice(0, 8).flatMap((task) => [
    `  ${(task.tdur / 1000).toFixed(1)} ms`,
    ...main
      .filter(
        (e) =>
          e.pid === task.pid &&
          e !== task &&
          e.ts >= task.ts &&
          e.ts + e.dur <= task.ts + task.dur &&
          e.tdur > 1500,
      )
      .sort((a, b) => b.tdur - a.tdur)
      .slice(0, 5)
      .map(
        (e) =>
          `      ${e.name} ${(e.tdur / 1000).toFixed(1)} ${JSON.stringify(e.args?.data ?? {}).slice(0, 150)}`,
      ),
  ]);
  // There is no GPU here: the page is drawn by the raster threads and the map by the GPU process, on the processor.
  const drawing = events.filter(
    (e) => e.ph === 'X' && e.ts > began && /^(RasterTask|Scheduler::RunTask)$/.test(e.name),
  );
  const raster_ms = drawing.reduce((sum, e) => sum + e.dur, 0) / 1000;
  return { cpu_ms: (tasks[0]?.tdur ?? 0) / 1000, raster_ms_per_s: raster_ms / 6, parts };
}

const mock = await start_mock({ swarm, ...(dist ? { dist } : {}) });
const { browser, close } = await launch();
let short = false;
try {
  const { page } = await open_page(browser, mock.address, { wait: false });
  await page.waitForSelector('.row', { timeout: 60_000 });
  await settle(page);
  // Show the whole swarm: with everything in view every symbol is drawn and moved.
  await page.evaluate(() => {
    window.airbridge_map.fit(
      [
        { lat: 43, lon: 1 },
        { lat: 52, lon: 16 },
      ],
      0,
    );
  });
  await pause(5_000);
  await page.evaluate(() => {
    if (!PerformanceObserver.supportedEntryTypes.includes('longtask')) throw new Error('no longtask here');
    window.long_tasks = [];
    window.frames = 0;
    new PerformanceObserver((list) => {
      for (const entry of list.getEntries()) window.long_tasks.push(entry.duration);
    }).observe({ type: 'longtask' });
    const frame = () => {
      window.frames++;
      requestAnimationFrame(frame);
    };
    requestAnimationFrame(frame);
  });
  const places = () =>
    page.evaluate(() =>
      [...window.airbridge_map.points.marks].map(([id, mark]) => `${id} ${mark.mx} ${mark.my}`),
    );
  const from = new Set(await places());
  const before = await page.metrics();
  await pause(seconds * 1000);
  const after = await page.metrics();
  const { cpu_ms, raster_ms_per_s, parts } = await busiest_task(page);
  const seen = await page.evaluate(() => ({
    tasks: window.long_tasks,
    frames: window.frames,
    marks: window.airbridge_map.points.size,
    frame_ms: window.airbridge_map.points.frame_ms,
    rows: document.querySelector('#rows').getAttribute('aria-rowcount'),
  }));
  const max = seen.tasks.length > 0 ? Math.max(...seen.tasks) : 0;
  const row = (name, value, unit, limit) => {
    const ok = limit === undefined || value <= limit;
    short ||= !ok;
    const goal = limit === undefined ? '-' : `<=${limit}`;
    const ratio = limit === undefined ? '-' : (value / limit).toFixed(2);
    console.log(
      `${name.padEnd(28)} ${String(value).padStart(10)} ${unit.padEnd(6)} ${goal.padStart(8)} ${ratio.padStart(8)} ${ok ? 'ok' : 'short'}`,
    );
  };
  const moved = (await places()).filter((place) => !from.has(place)).length;
  if (moved < swarm) throw new Error(`only ${moved} of ${swarm} symbols have moved`);
  if (seen.marks < swarm) throw new Error(`only ${seen.marks} of ${swarm} symbols are on the map`);
  row('page.symbols', seen.marks, 'count');
  row('page.list_rows', Number(seen.rows), 'count');
  // A page without long tasks reports none at all: then the longest was under 50 ms.
  row('page.longtask_ms_max', Math.round(max), 'ms', limit_ms);
  // The processor time of the busiest task does not depend on what else the machine does meanwhile.
  row('page.task_cpu_ms_max', Math.round(cpu_ms * 10) / 10, 'ms');
  if (process.argv.includes('--explain')) console.log(parts.join('\n'));
  row('page.longtask_count', seen.tasks.length, 'count');
  row(
    'page.script_ms_per_s',
    Math.round(((after.ScriptDuration - before.ScriptDuration) * 1000) / seconds),
    'ms',
  );
  row('page.task_ms_per_s', Math.round(((after.TaskDuration - before.TaskDuration) * 1000) / seconds), 'ms');
  row('page.raster_ms_per_s', Math.round(raster_ms_per_s), 'ms');
  row('page.symbols_frame_ms', Math.round(seen.frame_ms * 100) / 100, 'ms');
  row('page.frames_per_s', Math.round((seen.frames / seconds) * 10) / 10, '1/s');
  row('page.heap_mb', Math.round(after.JSHeapUsedSize / 1e6), 'MB');
} finally {
  await close();
  mock.close();
}
process.exit(short ? 1 : 0);
