/** What consent says of a job at this moment (`federation/consent.ts` has the rules). */
export type { Approval, Verdict } from '../../federation/consent.ts';
