/** What a party does about jobs on its own, whatever the leader says. */
import { one, type Weakening } from './weakening.ts';

const CHECK = 'src/service/jobs/start-check.ts';
const MEMBER = 'src/service/jobs/member.ts';
const WORK = 'src/service/jobs/own-part.ts';
const DESK = 'src/service/jobs/control-desk.ts';
const SESSIONS = 'src/service/jobs/sessions.ts';
const IMAGES = 'src/service/jobs/image-count.ts';
const PLACES = 'src/service/jobs/client-places.ts';
const LEAD = 'src/service/jobs/lead.ts';
const OF_MEMBERS = ['test/service/jobs/member.test.ts'];
const OF_SCHEDULERS = ['test/service/jobs/scheduler.test.ts'];
const OF_LEADERS = ['test/service/jobs/lead.test.ts'];
const OF_ATTEMPTS = ['test/service/jobs/attempts.test.ts'];

export const SCHEDULING: readonly Weakening[] = [
  one(
    'session keys that their parties have not signed',
    'P0 puts itself between P1 and P2',
    CHECK,
    ['if (!known || !isProperlySigned(signed))', 'if (!isProperlySigned(signed))'],
    OF_MEMBERS,
  ),
  one(
    'session keys of another attempt',
    'P0 has a session begin with keys that were thrown away, or kept by somebody',
    CHECK,
    ['document.attempt === order.attempt &&', 'document.attempt > 0 &&'],
    OF_MEMBERS,
  ),
  one(
    'a session key of this party that it did not make',
    'as above, and the party cannot take part',
    CHECK,
    [
      'if (order.keys[roll.self].document.key !== prepared.prepared.document.key) return',
      'if (order.keys[roll.self].document.key === undefined) return',
    ],
    OF_MEMBERS,
  ),
  one(
    'an attempt that is started twice in two ways',
    'P0 has the same steps computed from two places',
    MEMBER,
    ['if (live.order === digestOf(order)) return', 'if (live.order !== undefined) return'],
    OF_MEMBERS,
  ),
  one(
    'a job that is prepared without approval',
    'P0 alone decides what runs',
    MEMBER,
    ["if (record.state === 'proposed' || record.state === 'awaiting')", "if (record.state === 'proposed')"],
    OF_MEMBERS,
  ),
  one(
    'an end that P0 makes up',
    'a party keeps for done, and for a model, what it has not computed',
    MEMBER,
    ["end.state === 'succeeded' && record.done === 0 &&", "end.state === 'succeeded' && record.done < 0 &&"],
    OF_MEMBERS,
  ),
  one(
    'consent that is not asked again before a start',
    'who was revoked, or took its approval back, between preparing and starting is overrun',
    WORK,
    ['const approvals = await this.review(actor);', 'const { approvals } = actor.record;'],
    OF_SCHEDULERS,
  ),
  one(
    'grants that are not counted',
    'one grant serves as many runs as the analyst likes',
    WORK,
    ["if (approval.under === 'grant') await", 'if (approval.digest === undefined) await'],
    OF_SCHEDULERS,
  ),
  one(
    'orders of P1 or P2',
    'any party leads',
    DESK,
    ["(toLeader ? leader === undefined : from !== 'P0')", '(toLeader ? leader === undefined : from === party)'],
    OF_SCHEDULERS,
  ),
  one(
    'more images than a session allows',
    'clients ask a model as often as they like',
    IMAGES,
    ['if (images > left) {', 'if (images > maxImages) {'],
    ['test/service/jobs/sessions.test.ts'],
  ),
  one(
    'more images for one client than a session allows',
    'one client takes the images of all, or imitates the model',
    IMAGES,
    ['if (images > mineLeft) {', 'if (images > maxImagesEach) {'],
    ['test/service/jobs/sessions.test.ts'],
  ),
  one(
    'images of a client that are forgotten at a restart',
    'the same, whenever a party is started again',
    IMAGES,
    [
      'this.#usedBy = new Map(Object.entries(imagesOf));',
      'this.#usedBy = new Map(Object.entries(imagesOf ?? {}).slice(0, 0));',
    ],
    ['test/service/jobs/sessions.test.ts'],
  ),
  one(
    'as many inputs of one client at once as it likes',
    'one client takes the memory of all',
    PLACES,
    ['if (taken.inputs >= MOST_INPUTS || ', 'if (taken.inputs < 0 || '],
    ['test/service/jobs/sessions.test.ts'],
  ),
  one(
    'inputs of anybody',
    'members that the job does not name ask the model',
    SESSIONS,
    [
      "if (document.clients !== 'anyone' && !document.clients.some((key) => this.#holder(key) === asker))",
      'if (document.clients.length === 0)',
    ],
    ['test/service/jobs/sessions.test.ts'],
  ),
  one(
    'attempts that begin unrecorded after the first',
    'a party brings about restarts, and so other answers under the same masks, and no audit log shows it',
    MEMBER,
    ["{ do: 'audit', event: 'job-started',", "{ do: 'tell', event: 'attempt',"],
    OF_ATTEMPTS,
  ),
  one(
    'restarts that are not bounded',
    'a party that says again and again that it was started again sees steps computed from one place for ever',
    LEAD,
    ['if (restarted >= MAX_RESTARTED) {', 'if (restarted < 0) {'],
    OF_LEADERS,
  ),
  one(
    'failures that a restart hides',
    'whoever lets a job fail and then restarts is counted as a supervisor is',
    LEAD,
    ["if (!failed.includes('here') && (away", 'if ((away'],
    OF_LEADERS,
  ),
  one(
    'news of an earlier attempt',
    'an input reaches a session that has not all that it needs, and is answered by what an earlier one says',
    'src/service/jobs/actor.ts',
    ['if (this.#member.live?.attempt === attempt) this.#all.onNews', 'if (attempt > 0) this.#all.onNews'],
    OF_ATTEMPTS,
  ),
  one(
    'an attempt that ends for all when the first has done its part',
    'whoever is slower never keeps its results',
    LEAD,
    ["['preparing', 'starting', 'running', 'concluding']", "['preparing', 'starting', 'running']"],
    OF_LEADERS,
  ),
  one(
    'a job that begins on a full disk',
    'what others have acknowledged cannot be kept any more',
    WORK,
    ['if (full !== undefined) return full;', "if (full?.refused === '') return full;"],
    OF_ATTEMPTS,
  ),
  one(
    'a training that goes on until the disk is full',
    'as above',
    'src/service/jobs/admission.ts',
    ['disk.free < disk.least / 2', 'disk.free < 0'],
    OF_ATTEMPTS,
  ),
];
