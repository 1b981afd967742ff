import { defineConfig, type ViteUserConfig } from 'vitest/config';

/** What package.json names for its own sources: tests run on them, not on what is built. */
const conditions = ['securenn-source', 'node', 'import', 'module', 'default'];

/**
 * Folders of tests that share nothing but modules without state: their files are run one after the other in the same process, which loads what
 * they import once. All others have a process each.
 */
const together = ['data', 'engine', 'federation', 'functions', 'onnx', 'profile', 'random', 'ring'].map(
  (folder) => `test/${folder}/**/*.test.ts`,
);

const config: ViteUserConfig = defineConfig({
  resolve: { conditions },
  ssr: { resolve: { conditions, externalConditions: conditions } },
  test: {
    projects: [
      { extends: true, test: { name: 'together', include: together, isolate: false } },
      { extends: true, test: { name: 'apart', include: ['test/**/*.test.ts'], exclude: together } },
    ],
    globalSetup: ['test/webgpu/swiftshader.ts', 'test/browser.ts'],
    // For what hangs. What goes on may take its time: machines are busy.
    testTimeout: 600_000,
    hookTimeout: 600_000,
    expect: { poll: { timeout: 120_000 } },
    pool: 'forks',
    // As a party has it (src/server/party-child.ts): a test must notice when an array is read that was given back.
    execArgv: 'transfer' in ArrayBuffer.prototype ? [] : ['--harmony-rab-gsab-transfer'],
    maxWorkers: 2,
  },
});

export default config;
