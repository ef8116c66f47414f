// Symbols are drawn on a canvas when first needed, so there is no sprite sheet to load and every mode has its own.
// A symbol's name says all that it shows: "aircraft", "casualty.red", "site.hospital"; a trailing "~" means stale
// (dashed ring, drawn faded by the layer). The drawing box is 40 x 40 units with the middle at 0/0.
import type { Palette } from './palette';

type Pen = CanvasRenderingContext2D;

export const symbol_box = 40;

function path(pen: Pen, points: readonly (readonly [number, number])[]): void {
  pen.beginPath();
  points.forEach(([x, y], i) => (i === 0 ? pen.moveTo(x, y) : pen.lineTo(x, y)));
  pen.closePath();
}

/** Fills and outlines the current path: a light casing keeps symbols apart from any background. */
function body(pen: Pen, p: Palette, fill: string, width = 1.6): void {
  pen.lineJoin = 'round';
  pen.strokeStyle = p.halo;
  pen.lineWidth = width + 2.4;
  pen.stroke();
  pen.fillStyle = fill;
  pen.fill();
  pen.strokeStyle = p.ink;
  pen.lineWidth = width;
  pen.stroke();
}

function letter(pen: Pen, text: string, colour: string, size = 13, y = 0.5): void {
  pen.fillStyle = colour;
  pen.font = `600 ${size}px 'Noto Sans', sans-serif`;
  pen.textAlign = 'center';
  pen.textBaseline = 'middle';
  pen.fillText(text, 0, y);
}

function circle(pen: Pen, r: number, x = 0, y = 0): void {
  pen.beginPath();
  pen.arc(x, y, r, 0, Math.PI * 2);
}

function square(pen: Pen, half: number, corner = 2): void {
  pen.beginPath();
  pen.roundRect(-half, -half, half * 2, half * 2, corner);
}

function polygon(pen: Pen, sides: number, r: number, turn = -Math.PI / 2): void {
  path(
    pen,
    Array.from({ length: sides }, (_, i): [number, number] => [
      r * Math.cos(turn + (i * 2 * Math.PI) / sides),
      r * Math.sin(turn + (i * 2 * Math.PI) / sides),
    ]),
  );
}

function aircraft(pen: Pen, p: Palette, fill: string): void {
  const half: [number, number][] = [
    [0, -14],
    [1.9, -11],
    [2.2, -4],
    [13, 3],
    [13, 6],
    [2.2, 2.8],
    [1.6, 9],
    [5.5, 12],
    [5.5, 14],
    [0, 12.6],
  ];
  path(pen, [...half, ...half.map(([x, y]): [number, number] => [-x, y]).reverse()]);
  body(pen, p, fill, 1.3);
}

function helicopter(pen: Pen, p: Palette, fill: string): void {
  pen.lineCap = 'round';
  for (const [colour, width] of [
    [p.halo, 5.4],
    [fill, 2.6],
  ] as const) {
    pen.strokeStyle = colour;
    pen.lineWidth = width;
    pen.beginPath();
    pen.moveTo(-11, -13);
    pen.lineTo(11, 7);
    pen.moveTo(11, -13);
    pen.lineTo(-11, 7);
    pen.moveTo(-4, 14);
    pen.lineTo(4, 14);
    pen.stroke();
  }
  pen.beginPath();
  pen.moveTo(0, -12);
  pen.bezierCurveTo(6.5, -11, 6.5, 1, 1.6, 5);
  pen.lineTo(1.4, 14);
  pen.lineTo(-1.4, 14);
  pen.lineTo(-1.6, 5);
  pen.bezierCurveTo(-6.5, 1, -6.5, -11, 0, -12);
  pen.closePath();
  body(pen, p, fill, 1.3);
}

function drone(pen: Pen, p: Palette, fill: string): void {
  for (const [x, y] of [
    [-8, -8],
    [8, -8],
    [-8, 8],
    [8, 8],
  ] as const) {
    circle(pen, 4.4, x, y);
    body(pen, p, fill, 1.2);
  }
  path(pen, [
    [0, -8],
    [5, 3],
    [0, 7],
    [-5, 3],
  ]);
  body(pen, p, fill, 1.3);
}

function person(pen: Pen, p: Palette, fill: string): void {
  circle(pen, 12);
  body(pen, p, fill);
  pen.fillStyle = p.halo;
  circle(pen, 3.3, 0, -4.2);
  pen.fill();
  pen.beginPath();
  pen.arc(0, 7.5, 6.4, Math.PI, 0);
  pen.closePath();
  pen.fill();
}

function vehicle(pen: Pen, p: Palette, fill: string): void {
  square(pen, 12, 3);
  body(pen, p, fill);
  pen.fillStyle = p.halo;
  pen.beginPath();
  pen.roundRect(-8, -5, 10, 8, 1);
  pen.roundRect(3, -2, 5, 5, 1);
  pen.fill();
  circle(pen, 2.3, -4.5, 4.8);
  pen.fill();
  circle(pen, 2.3, 4.5, 4.8);
  pen.fill();
}

function vessel(pen: Pen, p: Palette, fill: string): void {
  path(pen, [
    [0, -14],
    [6, -5],
    [6, 12],
    [-6, 12],
    [-6, -5],
  ]);
  body(pen, p, fill);
}

function unit(pen: Pen, p: Palette, fill: string): void {
  square(pen, 12, 3);
  body(pen, p, fill);
  pen.fillStyle = p.halo;
  for (const x of [-5.2, 5.2]) {
    circle(pen, 2.5, x, -3);
    pen.fill();
    pen.beginPath();
    pen.arc(x, 5.4, 4, Math.PI, 0);
    pen.closePath();
    pen.fill();
  }
}

/** What stands in the white square of a site, by its kind. One or two letters where no drawing is known. */
const site_letters: Record<string, string> = {
  helibase: 'H',
  landing_zone: 'LZ',
  drop_zone: 'DZ',
  command_post: 'CP',
  hospital: '+',
  shelter: 'S',
  collection_point: 'CC',
  water_point: 'W',
  staging: 'ST',
  worksite: 'WS',
  fuel: 'F',
  radio_relay: 'R',
};

function site(pen: Pen, p: Palette, kind: string): void {
  const text = site_letters[kind];
  if (text === '+') {
    square(pen, 11.5);
    body(pen, p, p.site);
    pen.fillStyle = p.cross;
    pen.fillRect(-2.5, -7.5, 5, 15);
    pen.fillRect(-7.5, -2.5, 15, 5);
    return;
  }
  if (text === 'LZ' || text === 'H') {
    circle(pen, 12);
    body(pen, p, p.site);
    letter(pen, text, p.ink, text.length > 1 ? 11 : 15);
    return;
  }
  if (text) {
    square(pen, 11.5);
    body(pen, p, p.site);
    letter(pen, text, p.ink, text.length > 1 ? 11 : 14);
    return;
  }
  // A plain marker: a drop with its tip near the place.
  pen.beginPath();
  pen.moveTo(0, 13);
  pen.bezierCurveTo(-4, 6, -9.5, 2, -9.5, -4.5);
  pen.arc(0, -4.5, 9.5, Math.PI, 0);
  pen.bezierCurveTo(9.5, 2, 4, 6, 0, 13);
  pen.closePath();
  body(pen, p, p.site);
  pen.fillStyle = p.ink;
  circle(pen, 3.2, 0, -4.5);
  pen.fill();
}

function hazard(pen: Pen, p: Palette, severity: string): void {
  path(pen, [
    [0, -13],
    [14, 11],
    [-14, 11],
  ]);
  const serious = severity === 'extreme' || severity === 'severe';
  body(pen, p, p.hazard, serious ? 2.4 : 1.6);
  letter(pen, serious ? '!!' : '!', p.ink, 15, 3);
}

/** Colour, shape and letter each tell the category alone. The signs are the priorities
 * of triage tags: 1 immediate, 2 delayed, 3 minor, 4 expectant, 0 deceased. */
export const triage_marks: Record<string, { letter: string; colour: string; sides: number }> = {
  red: { letter: '1', colour: 'red', sides: 4 },
  yellow: { letter: '2', colour: 'yellow', sides: 3 },
  green: { letter: '3', colour: 'green', sides: 0 },
  grey: { letter: '4', colour: 'grey', sides: 5 },
  black: { letter: '0', colour: 'black', sides: 6 },
};

function casualty(pen: Pen, p: Palette, triage: string): void {
  const mark = triage_marks[triage];
  const fill = mark ? p.triage[mark.colour]! : p.paper;
  const ink =
    mark?.colour === 'black' ? p.paper : mark?.colour === 'red' && p.paper === '#ffffff' ? '#ffffff' : p.ink;
  if (!mark || mark.sides === 0) circle(pen, 11.5);
  else if (mark.sides === 4) polygon(pen, 4, 15.5);
  else if (mark.sides === 3)
    path(pen, [
      [-14, -11],
      [14, -11],
      [0, 13.5],
    ]);
  else polygon(pen, mark.sides, 13.5);
  body(pen, p, fill);
  letter(pen, mark?.letter ?? '?', ink, 14, mark?.sides === 3 ? -3.5 : 0.8);
}

function request(pen: Pen, p: Palette, fill: string, text: string): void {
  pen.beginPath();
  pen.roundRect(-12, -12, 24, 19, 4);
  pen.moveTo(-4, 7);
  pen.lineTo(0, 13.5);
  pen.lineTo(4, 7);
  body(pen, p, fill);
  pen.fillStyle = fill;
  pen.fillRect(-3, 5, 6, 2.4);
  letter(pen, text, p.ink, text.length > 1 ? 10 : 14, -2);
}

function distress(pen: Pen, p: Palette): void {
  circle(pen, 15.5);
  pen.strokeStyle = p.danger;
  pen.lineWidth = 2.6;
  pen.stroke();
  circle(pen, 11);
  body(pen, p, p.danger);
  letter(pen, 'SOS', p.halo === '#ffffff' ? '#ffffff' : p.ink, 8.5, 0.5);
}

function task(pen: Pen, p: Palette): void {
  square(pen, 11, 2);
  body(pen, p, p.request);
  pen.strokeStyle = p.ink;
  pen.lineWidth = 2.4;
  pen.lineCap = 'round';
  pen.beginPath();
  pen.moveTo(-5, 0);
  pen.lineTo(-1.5, 4.5);
  pen.lineTo(5.5, -4.5);
  pen.stroke();
}

function message(pen: Pen, p: Palette): void {
  pen.beginPath();
  pen.roundRect(-12, -8.5, 24, 17, 2);
  body(pen, p, p.message);
  pen.strokeStyle = p.ink;
  pen.lineWidth = 1.8;
  pen.beginPath();
  pen.moveTo(-11, -7);
  pen.lineTo(0, 1.5);
  pen.lineTo(11, -7);
  pen.stroke();
}

function own(pen: Pen, p: Palette): void {
  pen.strokeStyle = p.halo;
  pen.lineWidth = 5;
  circle(pen, 11);
  pen.stroke();
  pen.strokeStyle = p.own;
  pen.lineWidth = 2.4;
  circle(pen, 11);
  pen.stroke();
  pen.beginPath();
  for (const [x, y] of [
    [0, -1],
    [0, 1],
    [-1, 0],
    [1, 0],
  ] as const) {
    pen.moveTo(x * 7, y * 7);
    pen.lineTo(x * 16, y * 16);
  }
  pen.stroke();
  pen.fillStyle = p.own;
  circle(pen, 3);
  pen.fill();
}

function ring(pen: Pen, p: Palette): void {
  for (const [colour, width] of [
    [p.halo, 5],
    [p.select, 2.8],
  ] as const) {
    pen.strokeStyle = colour;
    pen.lineWidth = width;
    circle(pen, 17);
    pen.stroke();
  }
}

/** A small mark in the corner: values clash here, a person must choose. */
function conflict(pen: Pen, p: Palette): void {
  circle(pen, 5.5, 12, -12);
  body(pen, p, p.hazard, 1.2);
  pen.fillStyle = p.ink;
  pen.font = `600 9px 'Noto Sans', sans-serif`;
  pen.textAlign = 'center';
  pen.textBaseline = 'middle';
  pen.fillText('≠', 12, -11.5);
}

function picked_place(pen: Pen, p: Palette): void {
  pen.lineCap = 'round';
  for (const [colour, width] of [
    [p.halo, 6],
    [p.select, 3],
  ] as const) {
    pen.strokeStyle = colour;
    pen.lineWidth = width;
    pen.beginPath();
    for (const [x, y] of [
      [0, -1],
      [0, 1],
      [-1, 0],
      [1, 0],
    ] as const) {
      pen.moveTo(x * 5, y * 5);
      pen.lineTo(x * 17, y * 17);
    }
    pen.stroke();
  }
}

/** Draws the named symbol with the pen's origin in the middle of a 40 x 40 box. Unknown names give a plain marker. */
export function draw_symbol(pen: Pen, name: string, p: Palette): void {
  const stale = name.endsWith('~');
  const [kind, detail = ''] = (stale ? name.slice(0, -1) : name).split('.') as [string, string?];
  pen.save();
  if (stale) {
    pen.strokeStyle = p.text;
    pen.lineWidth = 1.6;
    pen.setLineDash([4, 3.4]);
    circle(pen, 18);
    pen.stroke();
    pen.setLineDash([]);
    pen.scale(0.86, 0.86);
  }
  const alarm = detail === 'emergency';
  switch (kind) {
    case 'aircraft':
      aircraft(pen, p, alarm ? p.danger : p.aircraft);
      break;
    case 'helicopter':
      helicopter(pen, p, alarm ? p.danger : p.aircraft);
      break;
    case 'drone':
      drone(pen, p, p.aircraft);
      break;
    case 'person':
      person(pen, p, alarm ? p.danger : p.unit);
      break;
    case 'vehicle':
      vehicle(pen, p, alarm ? p.danger : p.unit);
      break;
    case 'vessel':
      vessel(pen, p, alarm ? p.danger : p.unit);
      break;
    case 'unit':
      unit(pen, p, alarm ? p.danger : p.unit);
      break;
    case 'hazard':
      hazard(pen, p, detail);
      break;
    case 'casualty':
      casualty(pen, p, detail);
      break;
    case 'request':
      request(pen, p, p.request, '?');
      break;
    case 'distress':
      distress(pen, p);
      break;
    case 'task':
      task(pen, p);
      break;
    case 'message':
      message(pen, p);
      break;
    case 'own':
      own(pen, p);
      break;
    case 'ring':
      ring(pen, p);
      break;
    case 'conflict':
      conflict(pen, p);
      break;
    case 'picked':
      picked_place(pen, p);
      break;
    default:
      site(pen, p, detail);
  }
  pen.restore();
}

const shown = new Map<string, string>();

/** The symbol as a picture address for lists and records; made once for each name and mode. */
export function symbol_address(name: string, mode: string, palette: Palette): string {
  const key = `${mode} ${name}`;
  let address = shown.get(key);
  if (!address) {
    const canvas = document.createElement('canvas');
    canvas.width = canvas.height = symbol_box * 2;
    const pen = canvas.getContext('2d')!;
    pen.scale(2, 2);
    pen.translate(symbol_box / 2, symbol_box / 2);
    draw_symbol(pen, name, palette);
    address = canvas.toDataURL();
    shown.set(key, address);
  }
  return address;
}
