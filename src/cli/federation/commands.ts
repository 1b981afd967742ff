/** The commands of a party's operator, those that make a federation and its members' keys, and the demo of all of it. */
import { demo, demoOptions } from '../demo/demo.ts';
import type { Command, Groups } from '../groups.ts';
import { auditOptions, auditVerify } from './audit.ts';
import { checkOptions, partyCheck } from './check.ts';
import { federationJoin, federationShow, joinOptions, showOptions } from './federation.ts';
import { changeOptions, identityCard, identityInit, identityOptions, identityRotate } from './identity.ts';
import {
  admitOptions,
  cardOptions,
  initOptions,
  membersOptions,
  partyAdmit,
  partyCard,
  partyInit,
  partyMembers,
  partyRevoke,
  partyRotate,
  revokeOptions,
  rotateOptions,
} from './party.ts';

import { partyServe, serveOptions } from './serve.ts';

export const OPERATOR_GROUPS: Groups = {
  party: [
    "An organisation's party: its keys, its service, whom it admits",
    {
      init: {
        what: "Make a party's keys, configuration and card",
        options: initOptions,
        run: partyInit,
        examples: [['$0 party init --role P0 --address p0.example.org:7600 --dir /srv/securenn', 'on the host of P0']],
      },
      card: {
        what: 'The card that the others need, and how long its certificates last',
        options: cardOptions,
        run: partyCard,
        examples: [],
      },
      rotate: {
        what: 'Change keys, with an overlap in which the old ones count',
        word: [
          'WHAT',
          'certificate, tls, finish, identity, storage, storage-finish or ranks; tls if nothing is said',
          'optional',
        ],
        options: rotateOptions,
        run: partyRotate,
        examples: [
          ['$0 party rotate certificate --dir DIR', 'the same key for two more years: nobody else does anything'],
          ['$0 party rotate tls --dir DIR', 'a second TLS key beside the present one'],
          ['$0 party rotate finish --dir DIR', 'once every federation file names the new one: the old one goes'],
        ],
        more:
          'Between tls or identity and finish both keys count, and the present one is used: give the new card to all, put it into every federation ' +
          'file (securenn federation join --update CARD), then finish.',
      },
      serve: {
        what: 'Run the party until SIGTERM: clients and the other two parties find it at its address',
        options: serveOptions,
        run: partyServe,
        examples: [
          ['$0 party serve --dir /srv/securenn', 'jobs that are running stop at a step when it ends'],
          ['srun securenn party serve --dir DIR --hosts hosts', 'a rank of the party in each task: docs/ranks.md'],
        ],
      },
      admit: {
        what: 'Admit an owner, an analyst or a client by its card',
        word: ['CARD', 'The card that identity init made'],
        options: admitOptions,
        run: partyAdmit,
        examples: [
          ['$0 party admit hospital-a.card.json --roles owner --dir DIR', 'it may store data and approve jobs'],
          ['$0 party admit a.card.json --id 3f2a… --dir DIR', 'without asking, if the card has that id'],
        ],
        more: 'Each party admits for itself. Whoever is admitted can do nothing alone: jobs need their owners and all three parties.',
      },
      revoke: {
        what: 'Nothing of a member counts any more here: no request, approval or grant',
        word: ['MEMBER', 'Its name or id'],
        options: revokeOptions,
        run: partyRevoke,
        examples: [],
      },
      check: {
        what: 'Whether three hosts can run a job: ports, keys, clocks, versions, disks; round trips and bandwidth',
        options: checkOptions,
        run: partyCheck,
        examples: [
          ['$0 party check --dir /srv/securenn', 'at each of the three hosts, before the first job'],
          ['$0 party check --seconds 0 --json -', 'for a monitor: the exit code is 1 when jobs cannot run'],
        ],
      },
      members: { what: 'Whom this party has admitted', options: membersOptions, run: partyMembers, examples: [] },
    },
  ],
  federation: [
    'The three parties in one public file',
    {
      join: {
        what: "Make federation.json of three parties' cards, and show its fingerprint",
        word: ['CARDS..', 'The cards of P0, P1 and P2; with --update those that have changed'],
        options: joinOptions,
        run: federationJoin,
        examples: [
          ['$0 federation join P0.card.json P1.card.json P2.card.json', 'the same at all three'],
          ['$0 federation join P1.card.json --update', 'P1 has changed a key or its address'],
        ],
        more: 'The fingerprint covers every key and address in the file. Compare it by telephone with the other operators before the first job.',
      },
      show: {
        what: 'Who is in a federation file, and its fingerprint',
        options: showOptions,
        run: federationShow,
        examples: [],
      },
    },
  ],
  identity: [
    'The key file of an owner, an analyst or a client',
    {
      init: {
        what: 'Make a key file, and the card that operators admit',
        options: identityOptions,
        run: identityInit,
        examples: [['$0 identity init --name hospital-a', 'identity.key and hospital-a.card.json']],
      },
      card: { what: 'Make the card of a key file anew', options: identityOptions, run: identityCard, examples: [] },
      rotate: {
        what: 'Change your key: data, grants and jobs stay yours',
        word: ['WHAT', 'finish: once all three parties have admitted the new key, use it', 'optional'],
        options: changeOptions,
        run: identityRotate,
        examples: [
          ['$0 identity rotate --name hospital-a', 'a new key, and its card, signed by both: for the three operators'],
          ['$0 identity rotate finish', 'once they have admitted it: the new key takes the place of the present one'],
        ],
        more:
          'Until finish the present key goes on signing. Operators admit the new card as they did the first; each party sees for itself that the key ' +
          'before has signed it. With --overlap 0 the present key ends at each party at that moment.',
      },
    },
  ],
  audit: [
    'What a party did, for whom and why',
    {
      verify: {
        what: "Whether a party's audit log is as it was written",
        options: auditOptions,
        run: auditVerify,
        examples: [['$0 audit verify --dir DIR --head HASH', 'and whether it holds the line of that hash']],
      },
    },
  ],
};

export const OPERATOR_COMMANDS: Readonly<Record<string, Command>> = {
  demo: {
    what: 'A federation of three parties, two owners and an analyst on this machine, every command shown',
    options: demoOptions,
    run: demo,
    examples: [
      ['$0 demo --dir DIR', 'keep the hosts, to type commands of your own there'],
      ['$0 demo --web', 'at the end: a page where you draw a digit, and see what each party gets of it'],
    ],
  },
};
