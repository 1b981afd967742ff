/**
 * Runs before every other module of the page: zod shall not try whether it may make functions of text. The page's policy forbids it, and a browser
 * reports the try. `securenn/client` says so, too, but a bundle in several files begins with what they share.
 */
import { config } from 'zod';

config({ jitless: true });
