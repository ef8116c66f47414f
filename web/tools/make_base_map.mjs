// Makes the offline base map from the npm package world-atlas (Natural Earth 4.1, public domain).
//
// TopoJSON in, GeoJSON out, because MapLibre's worker reads GeoJSON from an address by itself, away from the
// page's main thread. Borders become lines shared by two countries, so that each is drawn once. A country gets
// one label point: the middle of the widest part of its largest polygon.
import { mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { createRequire } from 'node:module';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { feature, mesh } from 'topojson-client';
import { label_point } from './label_point.mjs';

const require = createRequire(import.meta.url);
const here = dirname(fileURLToPath(import.meta.url));
const out = join(here, '../src/generated');

/** Rounds every coordinate: 3 decimals are 110 m, finer than the data itself. Points that fall together are dropped. */
function rounded(coordinates, decimals) {
  if (typeof coordinates[0] === 'number') return coordinates.map((x) => Number(x.toFixed(decimals)));
  const list = coordinates.map((c) => rounded(c, decimals));
  if (typeof list[0]?.[0] !== 'number') return list;
  return list.filter((p, i) => i === 0 || p[0] !== list[i - 1][0] || p[1] !== list[i - 1][1]);
}

const load = (name) => JSON.parse(readFileSync(require.resolve(`world-atlas/${name}.json`), 'utf8'));
const plain = (type, coordinates) => ({ type: 'Feature', properties: {}, geometry: { type, coordinates } });

function land(atlas, decimals) {
  const collection = feature(atlas, atlas.objects.land);
  const features = (collection.features ?? [collection]).flatMap(({ geometry }) =>
    geometry.type === 'MultiPolygon' ? geometry.coordinates : [geometry.coordinates],
  );
  const rings = features
    .map((polygon) => rounded(polygon, decimals).filter((ring) => ring.length >= 4))
    .filter((polygon) => polygon.length > 0);
  return { type: 'FeatureCollection', features: rings.map((polygon) => plain('Polygon', polygon)) };
}

function borders(atlas, decimals) {
  const lines = mesh(atlas, atlas.objects.countries, (a, b) => a !== b);
  const kept = rounded(lines.coordinates, decimals).filter((line) => line.length >= 2);
  return { type: 'FeatureCollection', features: kept.map((line) => plain('LineString', line)) };
}

function labels(atlas) {
  const features = [];
  for (const country of feature(atlas, atlas.objects.countries).features) {
    const found = label_point(country.geometry);
    if (!found || !country.properties.name) continue;
    features.push({
      type: 'Feature',
      properties: {
        name: country.properties.name,
        iso: country.id ?? '',
        size: Math.round(found.area * 10) / 10,
      },
      geometry: { type: 'Point', coordinates: rounded(found.point, 2) },
    });
  }
  features.sort((a, b) => b.properties.size - a.properties.size);
  return { type: 'FeatureCollection', features };
}

mkdirSync(out, { recursive: true });
const medium = load('countries-50m');
const fine = load('countries-10m');
const files = {
  land_medium: land(medium, 3),
  borders_medium: borders(medium, 3),
  land_fine: land(fine, 3),
  borders_fine: borders(fine, 3),
  country_labels: labels(medium),
};
for (const [name, content] of Object.entries(files)) {
  const text = JSON.stringify(content);
  writeFileSync(join(out, `${name}.json`), text);
  console.log(
    `base map: ${name}.json ${(text.length / 1024).toFixed(0)} KiB, ${content.features.length} features`,
  );
}
