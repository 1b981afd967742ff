/** A summary as one HTML page that needs nothing else: no script, no network. The verdict comes first, in words. */
import { layerChart, timelineChart } from './charts.ts';
import { percentOf } from './answer.ts';
import { type Cell, layerFigures, layerTables, partyTable, protocolTable, rankTable, table } from './tables.ts';
import { bytes, escaped, milliseconds, percent } from './words.ts';
import { STYLE } from './style.ts';
import { type Expense, type Group, GROUP_NAMES, GROUPS, layerName, type Phase, type Summary } from './summary.ts';

const UNIT_NAMES = { step: 'training step', batch: 'batch', session: 'recorded time' } as const;

/** What each part of a unit's time is. */
const EXPLAINED: Readonly<Record<Group, string>> = {
  products: 'a GPU takes them over',
  arithmetic: 'sums, products and copies between kernels and messages, and the collector',
  comparisons: 'comparison and truncation kernels',
  randomness: 'AES and what is made of it: masks and shares dealt',
  frames: 'handing messages to the network, taking them in',
  messages: 'messages on their way: a better link shortens it',
  core: 'ready to run, but other programs or parties had the cores; taken off the others evenly',
  waiting: 'for a message that its sender had not sent yet',
};

const PHASE_NAMES: Readonly<Record<Phase, string>> = {
  'start-up': 'data read, parties connected',
  sharing: 'data sent to the parties',
  training: 'the steps',
  inference: 'the batches',
  evaluation: 'on the test set',
  ending: 'result fetched, parties ended',
  saving: 'model written',
};

/** Stands beside figures that a warning voids. */
const VOID_MARK = '<span class="void" title="cannot be relied on: see the warning above">†</span>';

export function formatReport(summary: Summary): string {
  const { facts, verdict, unit, traffic, rounds } = summary;
  const title = `Where the time goes: network ${facts.network}`;
  const mark = summary.warnings.some(({ voids }) => voids) ? ` ${VOID_MARK}` : '';
  const who = summary.parties.some(({ ranks }) => ranks) ? 'the first ranks' : 'the session';
  const sent = `${bytes(traffic.frameBytes)} in ${traffic.messages} messages, ${rounds} online rounds`;
  return `<!doctype html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<link rel="icon" href="data:,">
<title>${escaped(title)}</title>
<style>${STYLE}</style>
</head>
<body>
<h1>${escaped(title)}</h1>
${warnings(summary)}
<section class="card" id="answer">
<p class="headline">${escaped(summary.headline)}${mark}</p>
<p id="advice">${escaped(summary.advice)}${mark}</p>
${shareTable(summary, mark)}
</section>
<section class="card" id="verdict">
<p class="headline">${escaped(verdict.headline)}${mark}</p>
<ul>
${verdict.sentences.map((sentence) => `<li>${escaped(sentence)}</li>`).join('\n')}
</ul>
</section>
${runBar(summary.run)}
<p class="soft">${escaped(`${facts.batch} images a ${unit === 'batch' ? 'batch' : 'step'}; ${who} sent ${sent}. Suite ${facts.suite}, backend ${facts.backend}, ${facts.workers} ${facts.workers === 1 ? 'thread' : 'threads'} a party. ${facts.machine}.`)}</p>
<h2>The five most expensive lines${mark}</h2>
<p class="soft">What ${unit === 'session' ? 'the session' : `a ${UNIT_NAMES[unit]}`} at ${summary.teller} waits for in the end: where a party waits for another one, the line says what that one did meanwhile.</p>
${expenseTable(summary.expenses)}
<h2>By layer and party${mark}</h2>
<figure>
${key()}
${layerChart(summary.layers)}
<figcaption>Milliseconds ${unit === 'session' ? 'in all' : `per ${UNIT_NAMES[unit]}`} of each party's own time; in figures below. P2 deals randomness ahead of the others, so it waits at other times than they do.</figcaption>
</figure>
<details><summary>The same in figures</summary>
${layerFigures(summary)}</details>
<h2>One ${UNIT_NAMES[unit]}, moment by moment${mark}</h2>
<figure>
${key()}
${timelineChart(summary.timeline)}
<figcaption>The one of median length. Each column shows what took most of it; <code>trace.json</code> has every event (open it in ui.perfetto.dev).</figcaption>
</figure>
<h2>Bytes and rounds by protocol</h2>
${protocolTable(summary)}
<h2>Parties${mark}</h2>
${partyTable(summary)}
${ranks(summary, mark)}
<h2>Layer by layer${mark}</h2>
<p class="soft">The whole session: what ran in each layer, by protocol, down to kernels, draws and messages. Times of a party do not overlap; they add up to its session.</p>
${layerTables(summary)}
</body>
</html>
`;
}

/** Nothing where parties have one rank. */
function ranks(summary: Summary, mark: string): string {
  if (summary.parties.every(({ ranks }) => ranks === undefined)) return '';
  return `<h2>Ranks${mark}</h2>
<p class="soft">The whole session. A rank that is busier than the others of its party is what they wait for; everything else on this page is of rank 0, but for processor time. Computing is all time that was not waited, for a core of this machine too.</p>
${rankTable(summary)}`;
}

function warnings({ warnings }: Summary): string {
  const voided = warnings.some(({ voids }) => voids);
  const texts = warnings.map(({ text, voids }) => {
    const begin = voids ? '<strong>Do not rely on the times below.</strong> ' : '';
    return `<p class="card notice">${begin}${escaped(text)}</p>`;
  });
  const legend = voided
    ? '<p class="soft">Times and shares marked † are affected. Bytes, messages and rounds are right.</p>'
    : '';
  return [...texts, legend].join('\n');
}

/** Each part of a unit's time as a row with a bar as long as its share, and what the words mean. */
function shareTable({ shares, unit, unitMs, units, teller }: Summary, mark: string): string {
  const longest = Math.max(...shares.map(({ percent }) => percent), 1);
  const rows = shares.map(
    (share) =>
      `<tr><th scope="row">${GROUP_NAMES[share.name]}</th><td class="n">${percentOf(share)}</td><td class="n">${milliseconds(share.ms)}</td><td class="track"><i class="${share.name}" style="width:${((100 * share.percent) / longest).toFixed(1)}%"></i></td></tr>`,
  );
  const name = UNIT_NAMES[unit];
  const defined =
    unit === 'session'
      ? `All that ${teller} recorded.`
      : `How long a ${name} takes is, here and everywhere below, the median at ${teller} from the end of one to the end of the next.`;
  const typical =
    unit === 'session'
      ? ''
      : `<p>The shares are those of the middle half of ${units} ${unit === 'batch' ? 'batches' : 'steps'} by length. Where ${teller} waits for another party, its time is what that one did meanwhile.</p>`;
  const words = shares.map((share) => `<dt>${GROUP_NAMES[share.name]}</dt><dd>${EXPLAINED[share.name]}</dd>`);
  return `<table id="shares"><caption>${escaped(defined)}</caption>
<thead class="heard"><tr><th scope="col">what</th><th scope="col">share</th><th scope="col">time</th><th scope="col">as a bar</th></tr></thead>
<tbody>
${rows.join('\n')}
</tbody>
<tfoot><tr><th scope="row">in all</th><td class="n">100 %</td><td class="n">${milliseconds(unitMs)}${mark}</td><td></td></tr></tfoot></table>
<details><summary>What these words mean</summary>
<dl>${words.join('\n')}</dl>
${typical}</details>`;
}

/** The whole run on one bar: numbers on it stand for the lines below. */
function runBar(run: Summary['run']): string {
  if (run.length === 0) return '';
  const total = run.reduce((sum, { ms }) => sum + ms, 0);
  const [largest, second] = [...run].sort((a, b) => b.ms - a.ms);
  const most = [largest, ...(second === undefined || second.percent < 10 ? [] : [second])];
  const took = most.map(({ name, percent }) => `${name} ${percent} %`).join(' and ');
  const pieces = run.map(
    ({ name, ms, percent }, i) =>
      `<i class="${name === 'training' || name === 'inference' ? 'main' : ''}" style="flex:${(ms / total).toFixed(4)}">${percent < 3 ? '' : i + 1}</i>`,
  );
  const lines = run.map(
    (share) =>
      `<li><b>${share.name}</b> ${percentOf(share)}, ${milliseconds(share.ms)} <span class="soft">${PHASE_NAMES[share.name]}</span></li>`,
  );
  return `<section class="card" id="run">
<p class="headline">The whole run took ${milliseconds(total)}, most of it ${escaped(took)}.</p>
<div class="run" role="img" aria-label="The whole run, in order; the figures are listed below">${pieces.join('')}</div>
<ol>${lines.join('\n')}</ol>
</section>`;
}

function key(): string {
  return `<ul class="key">${GROUPS.map((name) => `<li><i class="${name}"></i>${GROUP_NAMES[name]}</li>`).join('')}</ul>`;
}

const DOES: Readonly<Record<Expense['category'], string>> = {
  product: 'multiplies matrices',
  kernel: 'runs comparison and truncation kernels',
  random: 'draws randomness',
  local: 'does ring arithmetic',
  send: 'hands messages to the network',
  receive: 'takes messages in',
  link: 'has a message on its way to it',
  core: 'waits for a core',
  wait: 'waits',
  idle: 'has nothing to do',
};

function expenseTable(expenses: readonly Expense[]): string {
  const rows = expenses.map(({ party, layer, protocol, category, ms, share, help }): Cell[] => [
    `${layerName(layer)} · ${protocol}`,
    `${party} ${DOES[category]}`,
    { n: milliseconds(ms) },
    { n: percent(share) },
    help,
  ]);
  const head: Cell[] = ['layer · protocol', 'what happens', { n: 'time' }, { n: 'share' }, 'what would help'];
  return table({ id: 'expenses', caption: 'The five most expensive lines', head, rows });
}
