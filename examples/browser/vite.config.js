// No plugin. The two headers isolate the page, so that its workers share memory; without them, buffers are
// transferred.
import { fileURLToPath } from 'node:url';
import { defineConfig } from 'vite';

const headers = {
  'Cross-Origin-Opener-Policy': 'same-origin',
  'Cross-Origin-Embedder-Policy': 'require-corp',
};

export default defineConfig({
  publicDir: fileURLToPath(new URL('../data', import.meta.url)),
  server: { headers, fs: { allow: ['../..'] } },
  preview: { headers },
  build: { target: 'es2022' },
});
