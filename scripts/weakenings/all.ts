import { COMPARING } from './comparing.ts';
import { DEALING } from './dealing.ts';
import type { Weakening } from './weakening.ts';

export const WEAKENINGS: readonly Weakening[] = [...DEALING, ...COMPARING];
