// The offline base map: land, coast, borders and names from Natural Earth, and a graticule that follows the zoom.
// The fine coast is large; it is asked for only when the map is near enough to show it.
import type { LayerSpecification, StyleSpecification } from 'maplibre-gl';
import borders_fine from '../generated/borders_fine.json?url';
import borders_medium from '../generated/borders_medium.json?url';
import country_labels from '../generated/country_labels.json?url';
import land_fine from '../generated/land_fine.json?url';
import land_medium from '../generated/land_medium.json?url';
import type { Palette } from './palette';

export const natural_earth = 'Natural Earth';
/** Without `glyphs` in the style MapLibre draws letters from the page's own font of this name. */
export const map_font = ['Noto Sans'];
/**
 * From this zoom on the fine coast replaces the medium one. Earlier it would cost much and show nothing: a continent's
 * fine coast on one screen takes software renderers seconds a frame.
 */
export const fine_zoom = 7;
const empty = { type: 'FeatureCollection' as const, features: [] };

const absolute = (address: string) => new URL(address, document.baseURI).href;

/** Land, coast and borders of one fineness. The medium ones are drawn at all zooms until the fine ones are there. */
function ground_layers(p: Palette, source: 'land' | 'land-fine'): LayerSpecification[] {
  const end = source === 'land' ? '' : '-fine';
  const zooms = source === 'land' ? {} : { minzoom: fine_zoom };
  return [
    { id: `land${end}`, type: 'fill', source, ...zooms, paint: { 'fill-color': p.land } },
    {
      id: `coast${end}`,
      type: 'line',
      source,
      ...zooms,
      paint: { 'line-color': p.coast, 'line-width': 0.8 },
    },
    {
      id: `borders${end}`,
      type: 'line',
      source: `borders${end}`,
      ...zooms,
      paint: { 'line-color': p.border, 'line-width': ['interpolate', ['linear'], ['zoom'], 2, 0.5, 8, 1.6] },
    },
  ];
}

export function base_style(p: Palette): StyleSpecification {
  return {
    version: 8,
    sources: {
      'land-fine': { type: 'geojson', data: empty },
      'borders-fine': { type: 'geojson', data: empty },
      land: { type: 'geojson', data: absolute(land_medium), attribution: natural_earth, tolerance: 0.3 },
      borders: { type: 'geojson', data: absolute(borders_medium), tolerance: 0.3 },
      countries: { type: 'geojson', data: absolute(country_labels) },
      graticule: { type: 'geojson', data: empty },
      shapes: { type: 'geojson', data: empty },
      trail: { type: 'geojson', data: empty, tolerance: 0.2 },
      labels: { type: 'geojson', data: empty },
    },
    layers: [
      { id: 'water', type: 'background', paint: { 'background-color': p.water } },
      ...(['land', 'land-fine'] as const).flatMap((source) => ground_layers(p, source)),
      {
        id: 'graticule',
        type: 'line',
        source: 'graticule',
        filter: ['==', ['geometry-type'], 'LineString'],
        paint: { 'line-color': p.graticule, 'line-width': 0.6, 'line-opacity': 0.55 },
      },
      {
        id: 'countries',
        type: 'symbol',
        source: 'countries',
        maxzoom: 9,
        layout: {
          'text-field': ['get', 'name'],
          'text-font': map_font,
          'text-size': ['interpolate', ['linear'], ['zoom'], 2, 10, 6, 14],
          'text-letter-spacing': 0.06,
          'text-max-width': 7,
          'symbol-sort-key': ['-', ['get', 'size']],
        },
        paint: { 'text-color': p.country_text, 'text-halo-color': p.land, 'text-halo-width': 1.2 },
      },
      {
        id: 'shape-fill',
        type: 'fill',
        source: 'shapes',
        filter: ['==', ['geometry-type'], 'Polygon'],
        paint: { 'fill-color': ['get', 'colour'], 'fill-opacity': ['case', ['get', 'selected'], 0.3, 0.16] },
      },
      {
        id: 'shape-hatch',
        type: 'fill',
        source: 'shapes',
        filter: ['all', ['==', ['geometry-type'], 'Polygon'], ['get', 'hatch']],
        paint: { 'fill-pattern': 'hatch' },
      },
      {
        id: 'shape-casing',
        type: 'line',
        source: 'shapes',
        layout: { 'line-join': 'round', 'line-cap': 'round' },
        paint: {
          'line-color': p.halo,
          'line-width': ['case', ['get', 'selected'], 7, 5],
          'line-opacity': 0.8,
        },
      },
      {
        id: 'shape-line',
        type: 'line',
        source: 'shapes',
        layout: { 'line-join': 'round', 'line-cap': 'round' },
        paint: { 'line-color': ['get', 'colour'], 'line-width': ['case', ['get', 'selected'], 4, 2.4] },
      },
      {
        id: 'trail-casing',
        type: 'line',
        source: 'trail',
        layout: { 'line-join': 'round', 'line-cap': 'round' },
        paint: { 'line-color': p.halo, 'line-width': 5, 'line-opacity': 0.7 },
      },
      {
        id: 'trail',
        type: 'line',
        source: 'trail',
        layout: { 'line-join': 'round' },
        paint: { 'line-color': p.select, 'line-width': 2, 'line-dasharray': [3, 1.5] },
      },
      {
        id: 'graticule-text',
        type: 'symbol',
        source: 'graticule',
        filter: ['==', ['geometry-type'], 'Point'],
        layout: {
          'text-field': ['get', 'text'],
          'text-font': map_font,
          'text-size': 10.5,
          'text-anchor': ['get', 'anchor'],
          'text-offset': ['get', 'offset'],
          'text-allow-overlap': true,
        },
        paint: { 'text-color': p.graticule_text, 'text-halo-color': p.halo, 'text-halo-width': 1 },
      },
      {
        id: 'labels',
        type: 'symbol',
        source: 'labels',
        layout: {
          'text-field': ['get', 'text'],
          'text-font': map_font,
          'text-size': 12.5,
          'text-line-height': 1.15,
          'text-max-width': 14,
          'text-justify': 'auto',
          'text-variable-anchor': ['left', 'right', 'bottom', 'top'],
          'text-radial-offset': ['get', 'away'],
          'text-padding': 1,
          'symbol-sort-key': ['get', 'rank'],
        },
        paint: {
          'text-color': p.text,
          'text-halo-color': p.halo,
          'text-halo-width': 1.6,
          'text-opacity': ['case', ['get', 'stale'], 0.8, 1],
        },
      },
      {
        // Invisible pictures of a symbol's size. The topmost layer is placed first: names keep clear of symbols.
        id: 'label-room',
        type: 'symbol',
        source: 'labels',
        layout: { 'icon-image': 'blank', 'icon-allow-overlap': true, 'icon-padding': 0 },
      },
    ] satisfies LayerSpecification[],
  };
}

export const fine_data = () => ({ land: absolute(land_fine), borders: absolute(borders_fine) });

/** Which paint of the base map follows the mode; symbols and shapes bring their own. */
export function paint_of(p: Palette): [string, string, string][] {
  return [
    ['water', 'background-color', p.water],
    ...['', '-fine'].flatMap((end): [string, string, string][] => [
      [`land${end}`, 'fill-color', p.land],
      [`coast${end}`, 'line-color', p.coast],
      [`borders${end}`, 'line-color', p.border],
    ]),
    ['graticule', 'line-color', p.graticule],
    ['graticule-text', 'text-color', p.graticule_text],
    ['graticule-text', 'text-halo-color', p.halo],
    ['countries', 'text-color', p.country_text],
    ['countries', 'text-halo-color', p.land],
    ['shape-casing', 'line-color', p.halo],
    ['trail-casing', 'line-color', p.halo],
    ['trail', 'line-color', p.select],
    ['labels', 'text-color', p.text],
    ['labels', 'text-halo-color', p.halo],
  ];
}

/** Diagonal lines: a hazard's area stays an area for people who cannot tell its colour. */
export function hatch_image(p: Palette): ImageData {
  const size = 16;
  const canvas = document.createElement('canvas');
  canvas.width = canvas.height = size;
  const pen = canvas.getContext('2d', { willReadFrequently: true })!;
  pen.strokeStyle = p.hazard;
  pen.globalAlpha = 0.75;
  pen.lineWidth = 1.6;
  pen.beginPath();
  for (const shift of [-size, 0, size]) {
    pen.moveTo(shift - 2, size + 2);
    pen.lineTo(shift + size + 2, -2);
  }
  pen.stroke();
  return pen.getImageData(0, 0, size, size);
}

export function blank_image(): { width: number; height: number; data: Uint8Array } {
  const size = 22;
  return { width: size, height: size, data: new Uint8Array(size * size * 4) };
}
