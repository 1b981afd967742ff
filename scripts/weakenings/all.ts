import { ASKING } from './asking.ts';
import { ATTACKING } from './attacking.ts';
import { COMPARING } from './comparing.ts';
import { CONSENTING } from './consenting.ts';
import { DEALING } from './dealing.ts';
import { DRAWING } from './drawing.ts';
import { KEEPING } from './keeping.ts';
import { LINKING } from './linking.ts';
import { MASKING } from './masking.ts';
import { OPENING } from './opening.ts';
import { PROVING } from './proving.ts';
import { SCHEDULING } from './scheduling.ts';
import { SERVING } from './serving.ts';
import { SPEAKING } from './speaking.ts';
import { STORING } from './storing.ts';
import type { Weakening } from './weakening.ts';

export const WEAKENINGS: readonly Weakening[] = [
  ...DEALING,
  ...MASKING,
  ...COMPARING,
  ...SPEAKING,
  ...PROVING,
  ...ATTACKING,
  ...DRAWING,
  ...KEEPING,
  ...STORING,
  ...CONSENTING,
  ...SCHEDULING,
  ...SERVING,
  ...ASKING,
  ...LINKING,
  ...OPENING,
];
