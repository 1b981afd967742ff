/** `securenn/server`: a party inside your own process, and a whole federation on loopback, for tests and embedding. */
export { Problem } from '../data/problem.ts';
