/** `securenn`: networks, models, data sets and the plain engine. Everything but what reads files runs in a browser, too. */
export { Problem } from '../data/problem.ts';
export type { Network } from '../nn/network.ts';
export type { Model } from '../data/model-file.ts';
