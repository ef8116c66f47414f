// What the page says of files of events that a person carries (docs/protocol/api.md, "Bundles"). Pure.
import type { Key } from './i18n';

export interface BundleReport {
  state: 'reading' | 'done' | 'refused' | 'stopped';
  why?: string;
  whole?: boolean;
  more_parts?: boolean;
  writer_name?: string;
  signed?: boolean;
  written_ms?: number;
  part?: number;
  events_new?: number;
  events_known?: number;
  nodes?: string[];
  lacking?: { node: string; class: number; here: number; first: number }[];
  refused?: Record<string, number>;
  contradicts?: string[];
  forked?: string[];
  unsealed?: number;
  damages?: { offset: number; what: string }[];
}

export interface ReportLine {
  key: Key;
  values: Record<string, string | number>;
  bad: boolean;
}

/** What one file brought, the worst last: a person reads the first line and sees the marked ones. */
export function report_lines(report: BundleReport): ReportLine[] {
  const out: ReportLine[] = [];
  const say = (key: Key, values: Record<string, string | number> = {}, bad = false) =>
    out.push({ key, values, bad });
  if (report.state === 'refused') {
    say('courier.refused', { why: report.why ?? '' }, true);
    return out;
  }
  const fresh = report.events_new ?? 0;
  if (fresh > 0) say('courier.brought', { n: fresh, names: (report.nodes ?? []).join(', ') });
  else say('courier.nothing_new');
  if (report.events_known) say('courier.known', { n: report.events_known });
  if (report.signed === false) say('courier.unsigned', {}, true);
  for (const gap of report.lacking ?? [])
    say('courier.lacking', { n: gap.first - gap.here - 1, name: gap.node }, true);
  for (const [why, n] of Object.entries(report.refused ?? {}))
    say('courier.refused_events', { n, why }, true);
  if (report.unsealed) say('courier.unsealed', { n: report.unsealed }, true);
  for (const name of report.contradicts ?? []) say('courier.contradicts', { name }, true);
  for (const name of report.forked ?? []) say('courier.forked', { name }, true);
  for (const damage of report.damages ?? [])
    say('courier.damaged', { at: damage.offset, why: damage.what }, true);
  if (report.state === 'stopped') say('courier.stopped', { why: report.why ?? '' }, true);
  else if (report.state === 'done' && report.whole === false) say('courier.not_whole', {}, true);
  if (report.more_parts) say('courier.more_parts', { n: (report.part ?? 1) + 1 });
  return out;
}

/** A name that every system takes: of whom, and when; parts are named as the command line names them. */
export function bundle_file_name(name: string, at: Date, part: number): string {
  const safe = name.replace(/[^\p{L}\p{N}]+/gu, '-').replace(/^-+|-+$/g, '') || 'bundle';
  const time = at.toISOString().slice(0, 16).replace(/[-:]/g, '').replace('T', '-');
  return `${safe}-${time}Z.bundle${part > 1 ? `.part${part}` : ''}`;
}
