import { defineConfig } from 'vitest/config'

export default defineConfig({
  resolve: { conditions: ['local'] },
  ssr: { resolve: { conditions: ['local'] } },
  test: {
    include: ['test/**/*.test.ts'],
    exclude: ['test/real/**', 'test/browser/**', '**/node_modules/**'],
    // For what hangs, not for what is slow: a busy machine starts processes ten times slower than an idle one.
    testTimeout: 120_000,
    hookTimeout: 120_000,
    expect: { poll: { timeout: 30_000 } },
  },
})
