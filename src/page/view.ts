/** What went out and came back, put into the page. */
import type { Message } from 'securenn/client';
import { drawGrey, elementHex, highestBytes, shortHex, size } from './bytes.ts';
import { SIDE } from './digit.ts';
import type { PlainAnswer } from './plain.ts';
import type { Exchange } from './servers.ts';

type Party = Message['party'];
const PARTIES: readonly Party[] = ['P0', 'P1', 'P2'];
const COUNT_BYTES = 4;
const E_BYTES = 8 * SIDE * SIDE;

export function element<T extends HTMLElement>(id: string): T {
  const found = document.getElementById(id);
  if (found === null) throw new Error(`the page has no #${id}`);
  return found as T;
}

function put(id: string, text: string): void {
  element(id).textContent = text;
}

/** All of an answered request. */
export function showExchange(pixels: Uint8Array, { prediction, messages }: Exchange): void {
  drawGrey(element<HTMLCanvasElement>('seen'), pixels);
  const scores = prediction.scores ?? new Float64Array();
  showAnswer(prediction.label, scores);
  const of = (party: Party, direction: Message['direction']): Message =>
    messages.find((message) => message.party === party && message.direction === direction)!;
  for (const party of PARTIES) showParty(party, of(party, 'sent'), of(party, 'received'));
  showSum(of('P0', 'received').content, of('P1', 'received').content, scores, prediction.label);
  const { totalMs, sentBytes, receivedBytes } = prediction.timing;
  put('time', `${totalMs.toFixed(totalMs < 100 ? 1 : 0)} ms`);
  put('sent', size(sentBytes));
  put('received', size(receivedBytes));
  element('answer').hidden = element('proof').hidden = false;
  element('empty').hidden = true;
}

/** As before the first answer. */
export function clearAnswer(): void {
  element('answer').hidden = element('proof').hidden = true;
  element('empty').hidden = false;
}

function showAnswer(label: number, scores: Float64Array): void {
  put('label', String(label));
  const shares = softmax(scores);
  put('sure', `${percent(shares[label])} sure, by its own estimate`);
  const rows = Array.from(shares, (share, digit) => {
    const bar = document.createElement('span');
    bar.className = 'bar';
    bar.style.width = `${Math.max(0.5, 100 * share)}%`;
    const track = cell('td', '', 'track');
    track.append(bar);
    track.setAttribute('aria-hidden', 'true');
    const numbers = [percent(share), scores[digit].toFixed(2)].map((text) => cell('td', text, 'number'));
    return rowOf(digit, digit === label, [track, ...numbers]);
  });
  element('scores').replaceChildren(...rows);
}

/** Scores as parts of a whole. */
function softmax(scores: Float64Array): Float64Array {
  const most = Math.max(...scores);
  const powers = scores.map((score) => Math.exp(score - most));
  const sum = powers.reduce((a, b) => a + b, 0);
  return powers.map((power) => power / sum);
}

function percent(share: number): string {
  if (share > 0.999 && share < 1) return '> 99.9 %';
  return `${(100 * share).toFixed(1)} %`;
}

function showParty(party: Party, sent: Message, received: Message): void {
  const name = party.toLowerCase();
  const { content } = sent;
  if (party === 'P2') {
    const keys = content.subarray(COUNT_BYTES);
    const half = keys.length / 2;
    put(`${name}-key0`, shortHex(keys.subarray(0, half)));
    put(`${name}-key1`, shortHex(keys.subarray(half)));
  } else {
    const E = content.subarray(content.length - E_BYTES);
    drawGrey(element<HTMLCanvasElement>(`${name}-noise`), highestBytes(E));
    put(`${name}-key`, shortHex(content.subarray(COUNT_BYTES, content.length - E_BYTES)));
    put(`${name}-share`, shortHex(received.content));
  }
  put(`${name}-line`, shortHex(sent.sealed, 12));
  put(`${name}-sent`, size(sent.sealed.length));
  put(`${name}-received`, size(received.sealed.length));
}

/** The one place where the two shares meet. */
function showSum(first: Uint8Array, second: Uint8Array, scores: Float64Array, label: number): void {
  const rows = Array.from(scores, (score, digit) => {
    const shares = [first, second].map((share) => cell('td', elementHex(share, digit), 'hex'));
    return rowOf(digit, digit === label, [...shares, cell('td', score.toFixed(4), 'number')]);
  });
  element('sum').replaceChildren(...rows);
}

function rowOf(digit: number, isWinner: boolean, cells: readonly HTMLElement[]): HTMLElement {
  const row = document.createElement('tr');
  row.classList.toggle('winner', isWinner);
  const head = cell('th', String(digit));
  head.setAttribute('scope', 'row');
  row.append(head, ...cells);
  return row;
}

function cell(kind: 'td' | 'th', text: string, name = ''): HTMLElement {
  const made = document.createElement(kind);
  made.textContent = text;
  if (name !== '') made.className = name;
  return made;
}

/** Whether three parties on shares and one page on clear values say the same. */
export function showPlain(secure: Exchange['prediction'], plain: PlainAnswer): void {
  const apart = Array.from(secure.scores ?? [], (score, i) => Math.abs(score - plain.scores[i]));
  const agrees = secure.label === plain.label;
  put(
    'plain',
    `${agrees ? 'They agree' : 'They differ'}: on clear values, in this page alone, the same network says ${plain.label} ` +
      `(${plain.ms.toFixed(1)} ms). Scores differ by ${Math.max(...apart).toFixed(5)} at most: the random rounding of shares.`,
  );
  element('agreement').dataset['agrees'] = String(agrees);
}
