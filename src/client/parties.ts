/** The parties that whoever brings data asks. */
export const PARTIES = ['P0', 'P1', 'P2'] as const;
export type PartyName = (typeof PARTIES)[number];
