import { describe, expect, it } from 'vitest';
import { lastWords, remedy } from '../../src/server/last-words.ts';

/** As Dawn prints it where there is no Vulkan. */
const DAWN = `Warning: Couldn't load Vulkan: libvulkan.so.1: cannot open shared object file: No such file or directory
    at operator() (/third_party/dawn/src/dawn/native/vulkan/BackendVk.cpp:368)

`;
/** As V8 does where there is no memory. */
const V8 = `
<--- Last few GCs --->

[1:0x1]       50 ms: Mark-Compact 20.1 (22.3) -> 19.9 (23.3) MB

<--- JS stacktrace --->

FATAL ERROR: Reached heap limit Allocation failed - JavaScript heap out of memory
----- Native stack trace -----

 1: 0xb7a940 node::Abort() [node]
`;

describe('last words', () => {
  it.each<[string, string, NodeJS.Signals | null, string]>([
    ['nothing printed', '', null, ''],
    ['warnings of drivers', DAWN, null, ''],
    [
      'an uncaught error',
      `${DAWN}file:///a.js:3\n  throw x\n\nTypeError: x is no function\n    at a.js:3:1\n\nNode.js v20`,
      null,
      'TypeError: x is no function',
    ],
    [
      'no memory',
      DAWN + V8,
      'SIGABRT',
      'FATAL ERROR: Reached heap limit Allocation failed - JavaScript heap out of memory',
    ],
    [
      'a check of V8',
      '\n\n#\n# Fatal error in , line 0\n# Check failed: x.\n#\n',
      'SIGTRAP',
      '# Fatal error in , line 0',
    ],
    [
      'a library that says why',
      `terminate called after throwing an instance of 'std::bad_alloc'\n${DAWN}`,
      'SIGABRT',
      "terminate called after throwing an instance of 'std::bad_alloc'",
    ],
    ['a signal from outside', `${DAWN}Error: long ago\n`, 'SIGKILL', ''],
  ])('%s', (_, printed, signal, expected) => {
    expect(lastWords(printed, signal)).toBe(expected);
  });
});

describe('what helps', () => {
  it.each<[NodeJS.Signals | null, string, RegExp]>([
    ['SIGKILL', '', /^the system kills so when memory runs out: close other programs, .*; then start again$/],
    [
      'SIGABRT',
      'FATAL ERROR: Reached heap limit Allocation failed - JavaScript heap out of memory',
      /^close other programs/,
    ],
    ['SIGABRT', "terminate called after throwing an instance of 'std::bad_alloc'", /^close other programs/],
    ['SIGSEGV', '', /^native code crashed, a GPU driver perhaps: try --backend wasm$/],
    ['SIGTERM', '', /^start again$/],
    [null, 'TypeError: x', /^start again$/],
  ])('%s %s', (signal, said, fix) => {
    expect(remedy(signal, said)).toMatch(fix);
  });
});
