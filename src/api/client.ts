/**
 * `securenn/client`: an owner of data or an inference client of a federation, in a browser and in Node alike. What a bundler takes for a browser
 * imports no module of Node.
 */
export { Problem } from '../data/problem.ts';
