import { svelte } from '@sveltejs/vite-plugin-svelte';
import { fileURLToPath } from 'node:url';
import { defineConfig } from 'vitest/config';
import { licences } from './tools/licences.mjs';

// AIRBRIDGE_NODE names the node (or dev/mock_server.mjs) that `npm run dev` talks to.
const node = process.env.AIRBRIDGE_NODE ?? 'http://127.0.0.1:8099';

// What is in the page without being imported as a module: the world's outline, and fonts through style sheets.
const data_packages = ['world-atlas', '@fontsource/noto-sans', '@fontsource/noto-sans-arabic'].map((name) =>
  fileURLToPath(new URL(`node_modules/${name}`, import.meta.url)),
);

const proxy = { '/api': { target: node, ws: true }, '/tiles': node, '/healthz': node };

export default defineConfig({
  plugins: [svelte(), licences(data_packages)],
  base: './',
  worker: { format: 'es' },
  build: {
    target: 'es2022',
    outDir: 'dist',
    // A data: address would need a wider content policy for scripts and fonts; every asset is a file.
    assetsInlineLimit: 0,
    modulePreload: { polyfill: false },
    chunkSizeWarningLimit: 2500,
  },
  server: { host: '127.0.0.1', proxy },
  // `AIRBRIDGE_NODE=http://127.0.0.1:8080 npx vite preview` shows the built page of this folder with a node's data.
  preview: { host: '127.0.0.1', proxy },
  test: { include: ['src/**/*.test.ts', 'tools/**/*.test.mjs'], environment: 'node' },
});
