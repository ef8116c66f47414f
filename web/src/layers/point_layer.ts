// Moving and standing symbols, drawn straight by WebGL: one instanced call for all of them.
//
// Why not a symbol layer: each change of a GeoJSON source goes through serialising, tiling and placement, and a good
// part of that runs on the page's main thread. With 5,000 tracks a second it costs several long tasks a second. Here
// a change writes a few numbers, and a frame costs one pass over arrays.
//
// The map has no pitch and no rotation, so a place is on the screen at (mercator - centre) * world size; positions stay
// in doubles until then and do not shake at high zoom. Each symbol is drawn once, on the nearest copy of the world.
import type { CustomLayerInterface, Map as GlMap } from 'maplibre-gl';
import type { Palette } from './palette';
import { draw_symbol, symbol_box } from './symbols';

export interface Mark {
  id: string;
  lat: number;
  lon: number;
  symbol: string;
  /** Degrees clockwise from north; 0 when the symbol does not turn. */
  turn: number;
  alpha: number;
  /** Higher is drawn later, on top. */
  order: number;
  /** Drawn over the symbol's corner: "conflict", or empty. */
  badge: string;
}

/** Cells of the picture sheet; a symbol more is drawn as a plain marker. */
export const cells_max = 256;
/** Symbols on one screen from which on they are drawn smaller. */
const crowd_from = 1_200;
const columns = 16;
/** Pixels of one cell: the symbol's box at twice its size, sharp on dense screens. */
const cell = symbol_box * 2;
const floats = 6; // x, y, turn, cell, alpha, scale

const vertex = `#version 300 es
precision highp float;
uniform vec2 viewport;
in vec2 at; in float turn; in float cell; in float alpha; in float scale;
out vec2 uv; out float fade;
void main() {
  vec2 corner = vec2(float(gl_VertexID & 1), float(gl_VertexID >> 1));
  vec2 offset = (corner - 0.5) * ${symbol_box.toFixed(1)} * scale;
  float s = sin(turn), c = cos(turn);
  vec2 turned = vec2(offset.x * c - offset.y * s, offset.x * s + offset.y * c);
  vec2 clip = (at + turned) / viewport * 2.0;
  gl_Position = vec4(clip.x, -clip.y, 0.0, 1.0);
  vec2 origin = vec2(mod(cell, ${columns.toFixed(1)}), floor(cell / ${columns.toFixed(1)}));
  uv = (origin + corner) / ${columns.toFixed(1)};
  fade = alpha;
}`;
const fragment = `#version 300 es
precision mediump float;
uniform sampler2D sheet;
in vec2 uv; in float fade;
out vec4 colour;
void main() { colour = texture(sheet, uv) * fade; }`;

const mercator_x = (lon: number) => (lon + 180) / 360;
const mercator_y = (lat: number) => {
  const held = Math.max(-85.051129, Math.min(85.051129, lat));
  return 0.5 - Math.log(Math.tan(Math.PI / 4 + (held * Math.PI) / 360)) / (2 * Math.PI);
};

interface Placed extends Mark {
  mx: number;
  my: number;
}

export class PointLayer implements CustomLayerInterface {
  readonly id = 'points';
  readonly type = 'custom' as const;
  readonly renderingMode = '2d' as const;
  /** Time of the last frame's pass over the marks, ms; shown by the bench. */
  frame_ms = 0;

  private readonly marks = new Map<string, Placed>();
  private sorted: Placed[] | null = null;
  private selected: string | null = null;
  private picked: { lat: number; lon: number } | null = null;
  private map: GlMap | null = null;
  private program: WebGLProgram | null = null;
  private array: WebGLVertexArrayObject | null = null;
  private buffer: WebGLBuffer | null = null;
  private sheet: WebGLTexture | null = null;
  private viewport: WebGLUniformLocation | null = null;
  private data = new Float32Array(1024 * floats);
  private readonly cells = new Map<string, number>();
  private undrawn: string[] = [];

  constructor(private palette: Palette) {}

  set(mark: Mark): void {
    const before = this.marks.get(mark.id);
    const placed = { ...mark, mx: mercator_x(mark.lon), my: mercator_y(mark.lat) };
    this.marks.set(mark.id, placed);
    // Order rarely changes; then the sorted list is only patched.
    if (!before || before.order !== mark.order) this.sorted = null;
    else if (this.sorted) (Object.assign(before, placed), this.marks.set(mark.id, before));
  }

  remove(id: string): void {
    if (this.marks.delete(id)) this.sorted = null;
  }

  clear(): void {
    this.marks.clear();
    this.sorted = null;
  }

  get(id: string): Mark | undefined {
    return this.marks.get(id);
  }

  get size(): number {
    return this.marks.size;
  }

  select(id: string | null): void {
    this.selected = id;
  }

  pick(place: { lat: number; lon: number } | null): void {
    this.picked = place;
  }

  use_palette(palette: Palette): void {
    this.palette = palette;
    this.cells.clear();
    this.undrawn = [];
  }

  repaint(): void {
    this.map?.triggerRepaint();
  }

  /** The marks within `reach` pixels of a point of the map, nearest first. */
  near(x: number, y: number, reach: number): Mark[] {
    const view = this.view();
    if (!view) return [];
    const found: { mark: Mark; d: number }[] = [];
    for (const mark of this.marks.values()) {
      const [sx, sy] = view.screen(mark.mx, mark.my);
      const d = Math.hypot(sx + view.width / 2 - x, sy + view.height / 2 - y);
      if (d <= reach) found.push({ mark, d: d - mark.order * 0.01 });
    }
    return found.sort((a, b) => a.d - b.d).map((f) => f.mark);
  }

  /** Calls back for every mark in view, in drawing order from the top. */
  in_view(see: (mark: Mark) => boolean): void {
    const view = this.view();
    if (!view) return;
    const sorted = this.in_order();
    for (let i = sorted.length - 1; i >= 0; i--) {
      const mark = sorted[i]!;
      const [x, y] = view.screen(mark.mx, mark.my);
      if (Math.abs(x) <= view.width / 2 && Math.abs(y) <= view.height / 2 && !see(mark)) return;
    }
  }

  onAdd(map: GlMap, gl: WebGL2RenderingContext): void {
    this.map = map;
    const compile = (kind: number, source: string) => {
      const shader = gl.createShader(kind)!;
      gl.shaderSource(shader, source);
      gl.compileShader(shader);
      return shader;
    };
    const program = (this.program = gl.createProgram()!);
    gl.attachShader(program, compile(gl.VERTEX_SHADER, vertex));
    gl.attachShader(program, compile(gl.FRAGMENT_SHADER, fragment));
    gl.linkProgram(program);
    if (!gl.getProgramParameter(program, gl.LINK_STATUS))
      throw new Error(`symbols cannot be drawn: ${gl.getProgramInfoLog(program)}`);
    this.viewport = gl.getUniformLocation(program, 'viewport');
    this.buffer = gl.createBuffer();
    this.array = gl.createVertexArray();
    gl.bindVertexArray(this.array);
    gl.bindBuffer(gl.ARRAY_BUFFER, this.buffer);
    let offset = 0;
    for (const [name, size] of [
      ['at', 2],
      ['turn', 1],
      ['cell', 1],
      ['alpha', 1],
      ['scale', 1],
    ] as const) {
      const location = gl.getAttribLocation(program, name);
      gl.enableVertexAttribArray(location);
      gl.vertexAttribPointer(location, size, gl.FLOAT, false, floats * 4, offset);
      gl.vertexAttribDivisor(location, 1);
      offset += size * 4;
    }
    gl.bindVertexArray(null);
    this.sheet = gl.createTexture();
    gl.bindTexture(gl.TEXTURE_2D, this.sheet);
    gl.texStorage2D(gl.TEXTURE_2D, 1, gl.RGBA8, columns * cell, columns * cell);
    gl.texParameteri(gl.TEXTURE_2D, gl.TEXTURE_MIN_FILTER, gl.LINEAR);
    gl.texParameteri(gl.TEXTURE_2D, gl.TEXTURE_MAG_FILTER, gl.LINEAR);
    gl.texParameteri(gl.TEXTURE_2D, gl.TEXTURE_WRAP_S, gl.CLAMP_TO_EDGE);
    gl.texParameteri(gl.TEXTURE_2D, gl.TEXTURE_WRAP_T, gl.CLAMP_TO_EDGE);
    gl.bindTexture(gl.TEXTURE_2D, null);
    this.cells.clear();
  }

  onRemove(_map: GlMap, gl: WebGL2RenderingContext): void {
    gl.deleteProgram(this.program);
    gl.deleteBuffer(this.buffer);
    gl.deleteVertexArray(this.array);
    gl.deleteTexture(this.sheet);
    this.map = null;
  }

  render(gl: WebGL2RenderingContext | WebGLRenderingContext): void {
    const view = this.view();
    if (!view || !(gl instanceof WebGL2RenderingContext)) return;
    const began = performance.now();
    const count = this.fill(view);
    this.draw_new_cells(gl);
    gl.useProgram(this.program);
    gl.uniform2f(this.viewport, view.width, view.height);
    gl.activeTexture(gl.TEXTURE0);
    gl.bindTexture(gl.TEXTURE_2D, this.sheet);
    gl.bindVertexArray(this.array);
    gl.bindBuffer(gl.ARRAY_BUFFER, this.buffer);
    gl.bufferData(gl.ARRAY_BUFFER, this.data.subarray(0, count * floats), gl.STREAM_DRAW);
    gl.enable(gl.BLEND);
    gl.blendFunc(gl.ONE, gl.ONE_MINUS_SRC_ALPHA);
    gl.disable(gl.DEPTH_TEST);
    gl.drawArraysInstanced(gl.TRIANGLE_STRIP, 0, 4, count);
    gl.bindVertexArray(null);
    this.frame_ms = performance.now() - began;
  }

  private view() {
    const map = this.map;
    if (!map) return null;
    const centre = map.getCenter();
    const world = 512 * 2 ** map.getZoom();
    const cx = mercator_x(centre.lng);
    const cy = mercator_y(centre.lat);
    const box = map.getContainer();
    const screen = (mx: number, my: number): [number, number] => {
      let dx = mx - cx;
      dx -= Math.round(dx);
      return [dx * world, (my - cy) * world];
    };
    return { width: box.clientWidth, height: box.clientHeight, zoom: map.getZoom(), screen };
  }

  private in_order(): Placed[] {
    this.sorted ??= [...this.marks.values()].sort((a, b) => a.order - b.order);
    return this.sorted;
  }

  private fill(view: NonNullable<ReturnType<PointLayer['view']>>): number {
    const marks = this.in_order();
    const room = (marks.length * 2 + 4) * floats;
    if (this.data.length < room) this.data = new Float32Array(room * 2);
    const data = this.data;
    const half_w = view.width / 2 + symbol_box;
    const half_h = view.height / 2 + symbol_box;
    let seen = 0;
    for (const mark of marks) {
      const [x, y] = view.screen(mark.mx, mark.my);
      if (x > -half_w && x < half_w && y > -half_h && y < half_h) seen++;
    }
    // Many symbols on one screen are drawn smaller: they hide each other less, and cost a weak renderer less.
    const crowd = Math.max(0.6, Math.min(1, Math.sqrt(crowd_from / Math.max(1, seen))));
    const scale = crowd * Math.max(0.5, Math.min(0.9, 0.5 + (view.zoom - 4) * 0.1));
    let at = 0;
    const put = (x: number, y: number, turn: number, symbol: string, alpha: number, size: number) => {
      data[at++] = x;
      data[at++] = y;
      data[at++] = (turn * Math.PI) / 180;
      data[at++] = this.cell_of(symbol);
      data[at++] = alpha;
      data[at++] = size;
    };
    const put_mark = (mark: Placed, ring: boolean) => {
      const [x, y] = view.screen(mark.mx, mark.my);
      if (x < -half_w || x > half_w || y < -half_h || y > half_h) return;
      if (ring) put(x, y, 0, 'ring', 1, Math.max(scale, 0.75) * 1.12);
      put(x, y, mark.turn, mark.symbol, ring ? 1 : mark.alpha, ring ? Math.max(scale, 0.75) : scale);
      if (mark.badge) put(x, y, 0, mark.badge, 1, scale);
    };
    for (const mark of marks) if (mark.id !== this.selected) put_mark(mark, false);
    const chosen = this.selected === null ? undefined : this.marks.get(this.selected);
    if (chosen) put_mark(chosen, true);
    if (this.picked) {
      const [x, y] = view.screen(mercator_x(this.picked.lon), mercator_y(this.picked.lat));
      put(x, y, 0, 'picked', 1, 1);
    }
    return at / floats;
  }

  private cell_of(symbol: string): number {
    const known = this.cells.get(symbol);
    if (known !== undefined) return known;
    if (this.cells.size >= cells_max) return this.cells.get('site.') ?? 0;
    const index = this.cells.size;
    this.cells.set(symbol, index);
    this.undrawn.push(symbol);
    return index;
  }

  private draw_new_cells(gl: WebGL2RenderingContext): void {
    if (this.undrawn.length === 0) return;
    const canvas = document.createElement('canvas');
    canvas.width = canvas.height = cell;
    const pen = canvas.getContext('2d', { willReadFrequently: true })!;
    gl.bindTexture(gl.TEXTURE_2D, this.sheet);
    gl.pixelStorei(gl.UNPACK_PREMULTIPLY_ALPHA_WEBGL, true);
    gl.pixelStorei(gl.UNPACK_FLIP_Y_WEBGL, false);
    for (const symbol of this.undrawn) {
      const index = this.cells.get(symbol)!;
      pen.setTransform(1, 0, 0, 1, 0, 0);
      pen.clearRect(0, 0, cell, cell);
      pen.setTransform(2, 0, 0, 2, cell / 2, cell / 2);
      draw_symbol(pen, symbol, this.palette);
      const x = (index % columns) * cell;
      const y = Math.floor(index / columns) * cell;
      gl.texSubImage2D(gl.TEXTURE_2D, 0, x, y, gl.RGBA, gl.UNSIGNED_BYTE, canvas);
    }
    this.undrawn = [];
  }
}
