/** Control messages of the other parties: their form is checked, and that they come from whoever may send them. */
import type { z } from 'zod';
import type { PartyName } from '../../server/ipc.ts';
import type { ControlOrder } from '../jobs-api.ts';
import { Refusal } from '../refusal.ts';
import type { JobActor } from './actor.ts';
import {
  abortControl,
  outcomeControl,
  prepareOrder,
  settleControl,
  startControl,
  stateControl,
  stopControl,
  type StopControl,
} from './control.ts';
import type { Leader, OwnPart } from './leader.ts';

export interface DeskOptions {
  readonly party: PartyName;
  readonly own: OwnPart;
  /** At P0. */
  readonly leader: Leader | undefined;
  readonly find: (job: string) => JobActor | undefined;
  readonly stop: (order: StopControl) => void;
}

export class ControlDesk {
  readonly #options: DeskOptions;

  constructor(options: DeskOptions) {
    this.#options = options;
  }

  async take(order: ControlOrder, from: PartyName, body: unknown): Promise<object> {
    const { party, own, leader, find, stop } = this.#options;
    const toLeader = order === 'outcome' || order === 'stop' || order === 'state';
    if (from === party || (toLeader ? leader === undefined : from !== 'P0')) {
      throw new Refusal(403, `${from} gives ${party} no such order`, 'see that the federation files are the same');
    }
    switch (order) {
      case 'prepare':
        return own.prepare(read(prepareOrder, order, body));
      case 'start':
        return own.start(read(startControl, order, body));
      case 'abort':
        return own.abort(read(abortControl, order, body));
      case 'settle':
        return own.settle(read(settleControl, order, body));
      case 'outcome': {
        const { job, attempt, outcome } = read(outcomeControl, order, body);
        await find(job)?.tellLead({ kind: 'outcome', from, attempt, outcome });
        return {};
      }
      case 'stop':
        stop(read(stopControl, order, body));
        return {};
      case 'state':
        return leader!.compare(from, read(stateControl, order, body));
    }
  }
}

/** Names the field, never what is in it. */
function read<T>(schema: z.ZodType<T>, order: ControlOrder, body: unknown): T {
  const parsed = schema.safeParse(body);
  if (parsed.success) return parsed.data;
  const place = parsed.error.issues[0].path.join('.');
  const fix = 'see that all three parties run the same version';
  throw new Refusal(400, `${order}: ${place === '' ? 'its form' : place} is not what it should be`, fix);
}
