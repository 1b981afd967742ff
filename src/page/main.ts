/** The page of `securenn demo --web`: draw a digit, see what leaves, get the answer. What is drawn stays in this page's memory. */
import { Problem } from 'securenn/client';
import { asDigit } from './digit.ts';
import { Pad } from './pad.ts';
import { greyOf } from './picture.ts';
import { Plain } from './plain.ts';
import { fetchDemo, Servers } from './servers.ts';
import { clearAnswer, element, showExchange, showPlain } from './view.ts';

const plain = new Plain(new URLSearchParams(location.hash.slice(1)).get('token') ?? '');
const askButton = element<HTMLButtonElement>('ask');
const status = element('status');
let servers: Servers | undefined;
let isBusy = false;
/** What "Try again" does. */
let again: () => Promise<void> = open;

const pad = new Pad(element<HTMLCanvasElement>('pad'), element('cursor'), {
  onInk: () => {
    element('pad-box').classList.add('inked');
    element('pad-status').textContent = 'something is drawn';
  },
  onDone: () => void ask(),
  onClear: clear,
  onSay: (text) => (element('pad-status').textContent = text),
});

function clear(): void {
  pad.clear();
  element('pad-box').classList.remove('inked');
  element('pad-status').textContent = 'empty';
}

function say(text: string): void {
  status.textContent = text;
}

/** One thing at a time; what goes wrong is shown, with what can be done. */
async function attempt(task: () => Promise<void>): Promise<void> {
  if (isBusy) return;
  isBusy = true;
  again = task;
  element('trouble').hidden = true;
  document.body.classList.add('busy');
  askButton.setAttribute('aria-disabled', 'true');
  try {
    await task();
  } catch (error) {
    show(error);
  } finally {
    isBusy = false;
    document.body.classList.remove('busy');
    askButton.setAttribute('aria-disabled', String(servers === undefined));
  }
}

function show(error: unknown): void {
  const known = error instanceof Problem;
  say('');
  // An answer beside it would look like that to what has just failed.
  clearAnswer();
  element('what').textContent = known ? sentence(error.message) : 'Something went wrong that nobody has foreseen.';
  element('fix').textContent = known ? sentence(error.fix) : 'Try again; if it stays so, start the demo anew.';
  element('trouble').hidden = false;
  // To the developer tools alone: what the page itself got wrong.
  if (!known) reportError(error);
}

function sentence(text: string): string {
  return `${text.charAt(0).toUpperCase()}${text.slice(1)}${/[.!?]$/.test(text) ? '' : '.'}`;
}

function close(): void {
  servers?.close();
  servers = undefined;
}

async function open(): Promise<void> {
  close();
  element('connecting').hidden = false;
  try {
    say('Asking the demo for its three parties …');
    const demo = await fetchDemo(() => say('The three parties are still training their model …'));
    say('Making a key for this page, and connecting with three parties …');
    servers = await Servers.open(demo);
    element('fingerprint').textContent = servers.fingerprint;
    say('Connected with three parties. Draw a digit.');
  } finally {
    element('connecting').hidden = true;
  }
}

async function ask(): Promise<void> {
  await attempt(async () => {
    const digit = asDigit(pad.picture);
    if (digit === undefined) throw new Problem('nothing is drawn yet', 'draw a digit, or choose a picture of one');
    await send(digit.pixels);
  });
}

async function choose(file: File | undefined): Promise<void> {
  if (file === undefined) return;
  await attempt(async () => {
    const digit = asDigit(await greyOf(file));
    if (digit === undefined)
      throw new Problem('nothing is to be seen in that picture', 'choose one with more contrast');
    pad.show(digit.pixels);
    element('pad-box').classList.add('inked');
    element('pad-status').textContent = `a picture, made 28 by 28${digit.inverted ? ', light on dark' : ''}`;
    await send(digit.pixels);
  });
}

async function send(pixels: Uint8Array): Promise<void> {
  if (servers === undefined) await open();
  say('Hidden under random masks, and sent: three messages are under way …');
  const exchange = await servers!.ask(pixels).catch((error: unknown) => {
    // The next try begins with a new connection.
    close();
    throw error;
  });
  showExchange(pixels, exchange);
  const { label, timing } = exchange.prediction;
  say(`The answer is ${label}. It took ${timing.totalMs.toFixed(0)} milliseconds.`);
  await compare(pixels, exchange.prediction);
}

async function compare(pixels: Uint8Array, prediction: Parameters<typeof showPlain>[0]): Promise<void> {
  const line = element('plain');
  line.textContent = 'Computing the same on clear values, in this page …';
  try {
    showPlain(prediction, await plain.ask(pixels));
  } catch (error) {
    line.textContent =
      error instanceof Problem
        ? `Not compared: ${error.message}. ${sentence(error.fix)}`
        : 'Not compared: this browser could not compute it.';
  }
}

askButton.addEventListener('click', () => void ask());
element('clear').addEventListener('click', clear);
element('again').addEventListener('click', () => void attempt(again));
const file = element<HTMLInputElement>('file');
element('choose').addEventListener('click', () => file.click());
file.addEventListener('change', () => {
  void choose(file.files?.[0]);
  // The same file may be chosen again.
  file.value = '';
});
const box = element('pad-box');
addEventListener('dragover', (event) => {
  event.preventDefault();
  box.classList.add('over');
});
addEventListener('dragleave', (event) => {
  if (event.relatedTarget === null) box.classList.remove('over');
});
addEventListener('drop', (event) => {
  event.preventDefault();
  box.classList.remove('over');
  void choose(event.dataTransfer?.files[0]);
});
addEventListener('paste', (event) => void choose(event.clipboardData?.files[0]));
addEventListener('pagehide', close);
void attempt(open);
