// The map as the rest of the page uses it: give it marks, shapes, labels and a mode; it answers with clicks.
import {
  AttributionControl,
  Map as GlMap,
  ScaleControl,
  setWorkerUrl,
  type GeoJSONSource,
  type MapMouseEvent,
} from 'maplibre-gl';
import worker_address from 'maplibre-gl/dist/maplibre-gl-worker.mjs?worker&url';
import { graticule } from '../core/graticule';
import type { Shape } from '../core/marks';
import type { Place } from '../core/coordinates';
import type { MapFile } from '../core/types';
import { palettes, type Mode } from './palette';
import { PointLayer } from './point_layer';
import { base_style, blank_image, fine_data, fine_zoom, hatch_image, paint_of } from './style';

// Without this MapLibre 6 looks for its worker beside the page and shows an empty map.
setWorkerUrl(new URL(worker_address, document.baseURI).href);

/** Pixels around a pointer in which a symbol is hit: half of a 44 px target. */
const reach_px = 22;

export interface Label {
  lat: number;
  lon: number;
  text: string;
  stale: boolean;
  rank: number;
}

export interface MapHandlers {
  /** Ids under the pointer, nearest first; empty for the bare map. */
  clicked(ids: string[], place: Place): void;
  menu(place: Place): void;
  pointed(place: Place | null): void;
  moved(): void;
  /** Pixels of the map that a panel lies over, at its left and right edge. */
  covered(): { left: number; right: number };
}

export class MapView {
  readonly points: PointLayer;
  private readonly map: GlMap;
  private readonly ready: Promise<void>;
  private fine = false;
  private mode: Mode;
  private added: string[] = [];

  constructor(
    container: HTMLElement,
    mode: Mode,
    private readonly handlers: MapHandlers,
  ) {
    this.mode = mode;
    const palette = palettes[mode];
    this.points = new PointLayer(palette);
    this.map = new GlMap({
      container,
      style: base_style(palette),
      center: [8, 30],
      zoom: 1.6,
      minZoom: 0.5,
      maxZoom: 19,
      maxPitch: 0,
      dragRotate: false,
      pitchWithRotate: false,
      touchPitch: false,
      attributionControl: false,
      keyboard: true,
      fadeDuration: 0,
      canvasContextAttributes: { antialias: false },
    });
    this.map.touchZoomRotate.disableRotation();
    this.map.keyboard.disableRotation();
    this.map.addControl(new AttributionControl({ compact: false }), 'bottom-right');
    this.map.addControl(new ScaleControl({ maxWidth: 130, unit: 'metric' }), 'bottom-left');
    this.map.addControl(new ScaleControl({ maxWidth: 130, unit: 'nautical' }), 'bottom-left');
    this.ready = new Promise((done) => {
      this.map.once('load', () => {
        this.map.addImage('hatch', hatch_image(palettes[this.mode]));
        this.map.addImage('blank', blank_image());
        this.map.addLayer(this.points, 'labels');
        this.draw_graticule();
        done();
      });
    });
    this.map.on('moveend', () => {
      this.draw_graticule();
      this.load_fine();
      handlers.moved();
    });
    this.map.on('click', (e: MapMouseEvent) =>
      handlers.clicked(this.hit(e), { lat: e.lngLat.lat, lon: wrap(e.lngLat.lng) }),
    );
    this.map.on('contextmenu', (e: MapMouseEvent) =>
      handlers.menu({ lat: e.lngLat.lat, lon: wrap(e.lngLat.lng) }),
    );
    this.map.on('mousemove', (e: MapMouseEvent) =>
      handlers.pointed({ lat: e.lngLat.lat, lon: wrap(e.lngLat.lng) }),
    );
    this.map.on('mouseout', () => handlers.pointed(null));
    this.map.on('error', (e) => console.warn('map:', e.error?.message ?? e));
  }

  /** Resolves when the base map can take data. */
  loaded(): Promise<void> {
    return this.ready;
  }

  /** Resolves at the next moment when nothing is loading or moving; for screenshots and tests. */
  idle(): Promise<void> {
    return new Promise((done) => {
      this.map.once('idle', () => done());
      this.map.triggerRepaint();
    });
  }

  describe(words: string): void {
    const canvas = this.map.getCanvas();
    canvas.setAttribute('aria-label', words);
    canvas.setAttribute('role', 'application');
  }

  use_mode(mode: Mode): void {
    this.mode = mode;
    const palette = palettes[mode];
    this.points.use_palette(palette);
    void this.ready.then(() => {
      for (const [layer, property, value] of paint_of(palette))
        this.map.setPaintProperty(layer, property as 'fill-color', value);
      this.map.updateImage('hatch', hatch_image(palette));
      for (const layer of this.added) this.dim(layer);
      this.map.triggerRepaint();
    });
  }

  set_shapes(shapes: Shape[]): void {
    void this.ready.then(() =>
      this.source('shapes').setData({ type: 'FeatureCollection', features: shapes as never }),
    );
  }

  /** Where the chosen thing has been, as lines of [longitude, latitude]. */
  set_trail(lines: [number, number][][]): void {
    void this.ready.then(() =>
      this.source('trail').setData({
        type: 'Feature',
        properties: {},
        geometry: { type: 'MultiLineString', coordinates: lines },
      }),
    );
  }

  set_labels(labels: Label[]): void {
    void this.ready.then(() =>
      this.source('labels').setData({
        type: 'FeatureCollection',
        features: labels.map((label) => ({
          type: 'Feature',
          properties: { text: label.text, stale: label.stale, rank: label.rank, away: 1.25 },
          geometry: { type: 'Point', coordinates: [label.lon, label.lat] },
        })),
      }),
    );
  }

  /** Shows the operator's own map files under the symbols; vector ones are drawn as plain lines and areas. */
  set_maps(maps: MapFile[]): void {
    void this.ready.then(() => {
      for (const id of this.added) {
        if (this.map.getLayer(id)) this.map.removeLayer(id);
        if (this.map.getSource(id)) this.map.removeSource(id);
      }
      this.added = [];
      for (const file of maps) {
        if (file.kind !== 'raster') continue;
        const id = `map:${file.name}`;
        this.map.addSource(id, {
          type: 'raster',
          tiles: [`${location.origin}/tiles/${encodeURIComponent(file.name)}/{z}/{x}/{y}`],
          tileSize: 256,
          minzoom: file.minzoom ?? 0,
          maxzoom: file.maxzoom ?? 18,
          ...(file.bounds ? { bounds: file.bounds } : {}),
          ...(file.attribution ? { attribution: escape_html(file.attribution) } : {}),
        });
        this.map.addLayer(
          { id, type: 'raster', source: id, paint: { 'raster-fade-duration': 0 } },
          'graticule',
        );
        this.added.push(id);
        this.dim(id);
      }
    });
  }

  get zoom(): number {
    return this.map.getZoom();
  }

  get centre(): Place {
    const { lat, lng } = this.map.getCenter();
    return { lat, lon: wrap(lng) };
  }

  zoom_by(steps: number): void {
    this.map.easeTo({ zoom: this.map.getZoom() + steps, duration: 150 });
  }

  go_to(place: Place, zoom?: number): void {
    const { left, right } = this.handlers.covered();
    this.map.easeTo({
      center: [place.lon, place.lat],
      zoom: zoom ?? Math.max(this.map.getZoom(), 9),
      offset: [(left - right) / 2, 0],
      duration: 300,
    });
  }

  /** Moves only when the place is outside the middle of what can be seen of the map. */
  show(place: Place): void {
    const { x, y } = this.map.project([place.lon, place.lat]);
    const { clientWidth: w, clientHeight: h } = this.map.getContainer();
    const { left, right } = this.handlers.covered();
    const edge = (w - left - right) * 0.1;
    const seen = x > left + edge && x < w - right - edge && y > h * 0.12 && y < h * 0.88;
    if (!seen) this.go_to(place, this.map.getZoom());
  }

  fit(places: Place[], duration = 300): void {
    if (places.length === 0) return;
    const lats = places.map((p) => p.lat);
    const lons = places.map((p) => p.lon);
    this.map.fitBounds(
      [
        [Math.min(...lons), Math.min(...lats)],
        [Math.max(...lons), Math.max(...lats)],
      ],
      { padding: 70, maxZoom: 12, duration },
    );
  }

  resize(): void {
    this.map.resize();
  }

  remove(): void {
    this.map.remove();
  }

  private source(id: string): GeoJSONSource {
    return this.map.getSource(id) as GeoJSONSource;
  }

  private hit(e: MapMouseEvent): string[] {
    const ids = this.points.near(e.point.x, e.point.y, reach_px).map((mark) => mark.id);
    const shapes = this.map.queryRenderedFeatures(
      [
        [e.point.x - 6, e.point.y - 6],
        [e.point.x + 6, e.point.y + 6],
      ],
      { layers: ['shape-line', 'shape-fill'] },
    );
    for (const shape of shapes) if (!ids.includes(shape.properties.id)) ids.push(String(shape.properties.id));
    return ids;
  }

  private dim(layer: string): void {
    const [brightness, saturation] =
      this.mode === 'day' ? [1, 0] : this.mode === 'dark' ? [0.55, -0.3] : [0.22, -1];
    this.map.setPaintProperty(layer, 'raster-brightness-max', brightness);
    this.map.setPaintProperty(layer, 'raster-saturation', saturation);
  }

  private load_fine(): void {
    if (this.fine || this.map.getZoom() < fine_zoom) return;
    this.fine = true;
    const { land, borders } = fine_data();
    void this.ready
      .then(() =>
        Promise.all([this.source('land-fine').setData(land), this.source('borders-fine').setData(borders)]),
      )
      // Only now may the medium coast leave the near zooms: there is never a map without land.
      .then(() => {
        for (const layer of ['land', 'coast', 'borders']) this.map.setLayerZoomRange(layer, 0, fine_zoom);
      })
      .catch((error: unknown) => console.warn('map: the fine coast could not be read', error));
  }

  private draw_graticule(): void {
    const source = this.source('graticule');
    if (!source) return;
    const b = this.map.getBounds();
    void source.setData(
      graticule({ west: b.getWest(), south: b.getSouth(), east: b.getEast(), north: b.getNorth() }) as never,
    );
  }
}

function wrap(lon: number): number {
  return ((((lon + 180) % 360) + 360) % 360) - 180;
}

/** MapLibre's attribution takes HTML; ours comes from a map file, which is a stranger's text. */
function escape_html(text: string): string {
  return text.replace(/[&<>"']/g, (c) => `&#${c.charCodeAt(0)};`);
}
