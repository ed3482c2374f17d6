import preact from '@preact/preset-vite'
import { defineConfig } from 'vite'

/** `vite build web` writes web/dist; `vite web` serves the sources and passes on to a running `weir dev`. */
export default defineConfig({
  plugins: [preact()],
  build: { outDir: 'dist', emptyOutDir: true, target: ['chrome125', 'firefox128', 'safari17.5'] },
  server: {
    port: 4401,
    proxy: { '/api': 'http://localhost:4400', '/ws': { target: 'ws://localhost:4400', ws: true } },
  },
})
