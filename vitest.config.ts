import { defineConfig } from 'vitest/config';

// "fast" is what `npm run check` runs before every commit; "slow" holds the fuzzers and whole-process tests.
// A slow test file is called *.slow.test.ts. Where several browsers and servers share few cores, a slow test may be tried once
// more (DOTS_TEST_RETRY=1, as .ci/run sets): the report then says so.
export default defineConfig({
  test: {
    projects: [
      {
        test: {
          name: 'fast',
          include: ['test/**/*.test.ts'],
          exclude: ['test/**/*.slow.test.ts'],
          setupFiles: ['test/open-files.ts'],
          testTimeout: 120_000,
          hookTimeout: 120_000,
        },
      },
      {
        test: {
          name: 'slow',
          include: ['test/**/*.slow.test.ts'],
          setupFiles: ['test/open-files.ts'],
          testTimeout: 300_000,
          hookTimeout: 300_000,
          retry: Number(process.env.DOTS_TEST_RETRY ?? 0),
          expect: { poll: { timeout: 60_000 } },
        },
      },
    ],
  },
});
