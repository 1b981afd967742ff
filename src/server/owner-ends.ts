/** A job whose owner takes part in its session: it shares the inputs, follows the work and gets the results over a link to each party. */
import { blocks } from '../channel/blocks.ts';
import type { Link, PeerName } from '../channel/channel.ts';
import { completeLabel, encodeEvent, eventLabel, revealLabel, savedLabel } from '../data/party-events.ts';
import { awaitAllSent, receiveInput, receiveMasks, relayInput, WHILE_THE_LINK_LIVES } from '../data/share.ts';
import { held, type OwnedInput } from '../engine/ownedInput.ts';
import type { PartyId } from '../party/party.ts';
import type { PairStreams } from '../random/streams.ts';
import { sizeOf, type Shape } from '../ring/shape.ts';
import type { JobEnds } from './job-ends.ts';
import { Stopping, stopSource } from './stopping.ts';

/** @param streams shared with the owner  @param security of the job */
export function ownerEnds(
  id: PartyId,
  links: ReadonlyMap<PeerName, Link>,
  streams: PairStreams,
  security?: 'private',
): JobEnds {
  const owner = links.get('owner');
  if (owner === undefined) throw new Error(`P${id} has no link to the owner`);
  const ofOwner = { link: owner, streams };
  let events = 0;
  let stopping: Stopping | undefined;

  const receive = (name: string, shape: Shape): Promise<OwnedInput> => {
    if (id === 2) return receiveMasks(name, ofOwner);
    if (id === 1) return relayInput(name, sizeOf(shape), ofOwner, links.get('P0')!);
    return receiveInput(name, sizeOf(shape), security === 'private' ? ofOwner : { streams }, links.get('P1')!);
  };
  return {
    receive,
    receiveWeight: async (name, shape) => held(id, await receive(name, shape), sizeOf(shape)),
    allThere: () => awaitAllSent(owner),
    reveal: async (name, share) => {
      for (const { label, from, to } of blocks(revealLabel(name), share.length))
        await owner.send(label, share.subarray(from, to), 0);
    },
    report: (event) => owner.send(eventLabel(events++), encodeEvent(event), 0),
    finish: async () => stopping?.over,
    training: {
      keepModel: () => Promise.reject(new Error('the model of a job with an owner goes to the owner')),
      agreeOn: async (step) => {
        await owner.send(savedLabel(step), new Uint8Array(0), 0);
        await owner.receive(completeLabel(step), 'u8', 0, WHILE_THE_LINK_LIVES);
      },
      stopping: (running, last) => (stopping = new Stopping(stopSource(owner), running, last)),
      // The owner ends the session when all have the checkpoint: until then this party does nothing more.
      stopped: () => new Promise(() => undefined),
    },
  };
}
