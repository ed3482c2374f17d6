import { defineConfig } from 'vitest/config'

/** Tests on real servers: `npm run test:real`. One file after another, for the servers and two cores. */
export default defineConfig({
  test: {
    include: ['test/real/**/*.test.ts'],
    globalSetup: ['test/real/servers/setup.ts'],
    fileParallelism: false,
    testTimeout: 120_000,
    hookTimeout: 180_000,
    expect: { poll: { timeout: 30_000 } },
  },
})
