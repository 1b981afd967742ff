/**
 * Imported before anything that checks forms. zod compiles its checks where it may, and tries whether it may: a page's policy forbids it, and browsers
 * report the try. Node goes on compiling.
 */
import * as z from 'zod';

if ((globalThis as { readonly process?: { readonly versions?: object } }).process?.versions === undefined)
  z.config({ jitless: true });
