/** A summary as one HTML page that needs nothing else: no script, no network. The verdict comes first, in words. */
import { layerChart, timelineChart } from './charts.ts';
import { layerTables, partyTable, protocolTable } from './tables.ts';
import { bytes, escaped, milliseconds, percent } from './words.ts';
import { STYLE } from './style.ts';
import { type ByCategory, type Expense, type Group, GROUPS, groupTime, layerName, type Summary } from './summary.ts';

const UNIT_NAMES = { step: 'training step', batch: 'batch', session: 'recorded time' } as const;

const EXPLAINED: Readonly<Record<Group, string>> = {
  products: 'matrix products (what a GPU takes over)',
  computation: 'other computation',
  messages: 'messages (what a better link shortens)',
  waiting: 'waiting',
};

export function formatReport(summary: Summary): string {
  const { facts, verdict, unit, unitMs, traffic, rounds } = summary;
  const title = `Where the time goes: network ${facts.network}`;
  const perUnit = unit === 'session' ? milliseconds(unitMs) : `${milliseconds(unitMs)} a ${UNIT_NAMES[unit]}`;
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
<p class="soft">${escaped(`${perUnit} of ${facts.batch} images; the session sent ${sent}. Suite ${facts.suite}, backend ${facts.backend}, ${facts.workers} ${facts.workers === 1 ? 'thread' : 'threads'} a party. ${facts.machine}.`)}</p>
${notices(summary)}
<section class="card" id="verdict">
<p class="headline">${escaped(verdict.headline)}</p>
${bar(summary.resolved, unitMs)}
<ul>
${verdict.sentences.map((sentence) => `<li>${escaped(sentence)}</li>`).join('\n')}
</ul>
</section>
<h2>The five most expensive lines</h2>
<p class="soft">What ${unit === 'session' ? 'the session' : `a ${UNIT_NAMES[unit]}`} at ${summary.teller} waits for in the end: where a party waits for another one, the line says what that one did meanwhile.</p>
${expenseTable(summary.expenses)}
<h2>By layer and party</h2>
<figure>
${key()}
${layerChart(summary.layers)}
<figcaption>Milliseconds ${unit === 'session' ? 'in all' : `per ${UNIT_NAMES[unit]}`} of each party's own time. P2 deals randomness ahead of the others, so it waits at other times than they do.</figcaption>
</figure>
<h2>One ${UNIT_NAMES[unit]}, moment by moment</h2>
<figure>
${key()}
${timelineChart(summary.timeline)}
<figcaption>The one of median length. Each column shows what took most of it; <code>trace.json</code> has every event (open it in ui.perfetto.dev).</figcaption>
</figure>
<h2>Bytes and rounds by protocol</h2>
${protocolTable(summary)}
<h2>Parties</h2>
${partyTable(summary)}
<h2>Layer by layer</h2>
<p class="soft">The whole session: what ran in each layer, by protocol, down to kernels, draws and messages. Times of a party do not overlap; they add up to its session.</p>
${layerTables(summary)}
</body>
</html>
`;
}

/** What a reader must know before trusting the figures. */
function notices({ facts, missing, unit, units, cut, parties }: Summary): string {
  const texts: string[] = [];
  if (facts.ended !== undefined)
    texts.push(`The run ended early: ${facts.ended}. This is what was measured until then.`);
  if (missing.length > 0)
    texts.push(`${missing.join(' and ')} left no measurements: what the others waited for there is shown as waiting.`);
  const unfinished = parties.filter(({ complete }) => !complete).map(({ party }) => party);
  if (facts.ended === undefined && unfinished.length > 0) texts.push(`${unfinished.join(' and ')} did not finish.`);
  if (unit === 'session') texts.push('No whole step or batch was recorded: times are of everything that was.');
  if (cut)
    texts.push(
      `Times are of the first ${units} ${unit === 'batch' ? 'batches' : 'steps'}; bytes, messages and rounds of the whole session.`,
    );
  return texts.map((text) => `<p class="card notice">${escaped(text)}</p>`).join('\n');
}

function bar(time: ByCategory, total: number): string {
  const parts = GROUPS.map((name) => ({ name, share: groupTime(time, name) / total }));
  const pieces = parts.map(({ name, share }) => `<i class="${name}" style="flex:${share.toFixed(4)}"></i>`).join('');
  const keys = parts.map(({ name, share }) => `<li><i class="${name}"></i>${percent(share)} ${EXPLAINED[name]}</li>`);
  return `<div class="bar">${pieces}</div>\n<ul class="key">${keys.join('')}</ul>`;
}

function key(): string {
  return `<ul class="key">${GROUPS.map((name) => `<li><i class="${name}"></i>${EXPLAINED[name]}</li>`).join('')}</ul>`;
}

const DOES: Readonly<Record<Expense['category'], string>> = {
  product: 'multiplies matrices',
  kernel: 'runs comparison and truncation kernels',
  random: 'draws randomness',
  local: 'does ring arithmetic and handles messages',
  send: 'hands messages to the network',
  link: 'has a message on its way to it',
  wait: 'waits',
  idle: 'has nothing to do',
};

function expenseTable(expenses: readonly Expense[]): string {
  const rows = expenses.map(
    ({ party, layer, protocol, category, ms, share, help }) =>
      `<tr><td>${escaped(layerName(layer))} · ${escaped(protocol)}</td><td>${party} ${DOES[category]}</td><td class="n">${milliseconds(ms)}</td><td class="n">${percent(share)}</td><td>${escaped(help)}</td></tr>`,
  );
  return `<div class="scroll"><table id="expenses">
<thead><tr><th>layer · protocol</th><th>what happens</th><th class="n">time</th><th class="n">share</th><th>what would help</th></tr></thead>
<tbody>
${rows.join('\n')}
</tbody></table></div>`;
}
