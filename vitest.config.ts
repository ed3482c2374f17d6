import { availableParallelism } from 'node:os'
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
    // Most of a test's time is that of processes it waits for: on two cores vitest would run one file at a time.
    maxWorkers: Math.max(2, availableParallelism() - 1),
    expect: { poll: { timeout: 30_000 } },
  },
})
