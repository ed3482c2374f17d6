import { defineConfig } from 'vitest/config'

export default defineConfig({
  resolve: { conditions: ['local'] },
  ssr: { resolve: { conditions: ['local'] } },
  test: {
    include: ['test/**/*.test.ts'],
    exclude: ['test/real/**', 'test/browser/**', '**/node_modules/**'],
    testTimeout: 30_000,
    hookTimeout: 30_000,
  },
})
