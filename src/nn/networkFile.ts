/** Networks as files (docs/networks.md): what is wrong with one is said in its writer's words, with the place and what was found there. */
import { parse, printParseErrorCode, type ParseError } from 'jsonc-parser';
import * as z from 'zod';
import { didYouMean } from './nearest.ts';
import { LARGEST, size } from './layers/fields.ts';
import { LAYERS } from './layers/table.ts';
import { classCount, type Network, parameters } from './network.ts';

// A schema's message says what is expected; `inWords` adds the place and what was found.
const MOST_LAYERS = 512;
const LONGEST_NAME = 64;
const INPUT = `[inputs] or [height, width, channels], whole numbers from 1 to ${LARGEST}`;
const LISTED = `a list of 1 to ${MOST_LAYERS} layers`;
const NAME = `a text of 1 to ${LONGEST_NAME} characters`;
const SEVERAL = 'a list of two or more names of layers before it';

const name = z.string(NAME).min(1, NAME).max(LONGEST_NAME, NAME);
const one = z.string('the name of a layer before it, or "input"').optional();
const several = z.array(name, SEVERAL).min(2, SEVERAL).max(MOST_LAYERS, SEVERAL);

const layerTypes = Object.keys(LAYERS);
const TYPES = `one of ${layerTypes.join(', ')}`;
/** Other libraries' names that no likeness of letters leads from. */
const OTHER_NAMES: Readonly<Record<string, string>> = {
  linear: 'dense',
  fc: 'dense',
  fullyconnected: 'dense',
  avgpool: 'averagepool',
  avgpool2d: 'averagepool',
  averagepooling2d: 'averagepool',
  maxpooling2d: 'maxpool',
  bn: 'batchnorm',
  batchnorm1d: 'batchnorm',
  batchnorm2d: 'batchnorm',
  batchnormalization: 'batchnorm',
  dropout2d: 'dropout',
};
/** Fields that other libraries' layers have: why there is none here, and what to do. */
const NOT_YET: Readonly<Record<string, string>> = {
  groups: 'groups of channels are not supported: leave it out (one group), or give a convolution over all channels',
  dilation: 'dilated kernels are not supported: leave it out (1), or give a larger kernel',
  bias: 'every layer with weights has biases: leave it out; a model without has zeros there',
  useBias: 'every layer with weights has biases: leave it out; a model without has zeros there',
};
const object = 'an object {…}';

const layers = Object.values(LAYERS).map(({ type, fields, joins }) =>
  z.strictObject(
    { type: z.literal(type), ...fields, name: name.optional(), from: joins === true ? several : one },
    object,
  ),
);

const network = {
  name,
  input: z.array(size, INPUT).min(1, INPUT).max(4, INPUT),
  layers: z
    .array(
      z.discriminatedUnion('type', layers as [(typeof layers)[number]], {
        error: ({ code }) => ((code as string) === 'invalid_type' ? object : TYPES),
      }),
      LISTED,
    )
    .min(1, LISTED)
    .max(MOST_LAYERS, LISTED),
};
// The table's fields are those of its specs.
const networkSchema = z.strictObject(network, object) as unknown as z.ZodType<Network>;

type Issue = z.core.$ZodIssue;

/** `layers[2].type: found "conv", expected one of …; did you mean "conv2d"?` */
function inWords(issue: Issue, json: unknown): string {
  const value = valueAt(json, issue.path);
  const place = placeOf(issue.path);
  if (issue.code === 'unrecognized_keys') return unknownField(issue.keys[0], issue.path, value);
  const found = value === undefined ? 'missing' : `found ${shown(value)}`;
  const meant = issue.message === TYPES && typeof value === 'string' ? meantLayer(value) : '';
  return `${place}${found}, expected ${issue.message}${meant}`;
}

function meantLayer(type: string): string {
  const known = OTHER_NAMES[type.toLowerCase().replaceAll(/[^a-z0-9]/g, '')];
  return known === undefined ? didYouMean(type, layerTypes) : `; did you mean "${known}"?`;
}

function unknownField(key: string, path: Issue['path'], owner: unknown): string {
  const refused = NOT_YET[key];
  if (path.length > 0 && refused !== undefined) return `${placeOf([...path, key])}${refused}`;
  const type = path.length === 0 ? undefined : (owner as { type: keyof typeof LAYERS }).type;
  const [what, known] =
    type === undefined
      ? ['a network', Object.keys(network)]
      : [type, [...Object.keys(LAYERS[type].fields), 'name', 'from']];
  return `${placeOf([...path, key])}unknown: ${what} takes ${known.join(', ')}${didYouMean(key, known)}`;
}

function valueAt(json: unknown, path: Issue['path']): unknown {
  return path.reduce<unknown>((value, key) => (value as Record<PropertyKey, unknown> | null | undefined)?.[key], json);
}

function placeOf(path: Issue['path']): string {
  const text = path.map((key) => (typeof key === 'number' ? `[${key}]` : `.${String(key)}`)).join('');
  return text === '' ? '' : `${text.replace(/^\./, '')}: `;
}

function greyHint(input: readonly number[]): string {
  return input.length === 2 ? `; grey images have one channel: [${input.join(', ')}, 1]` : '';
}

const LONGEST_SHOWN = 60;

function shown(value: unknown): string {
  const text = JSON.stringify(value);
  return text.length <= LONGEST_SHOWN ? text : `${text.slice(0, LONGEST_SHOWN)}…`;
}

/** A network from parsed JSON; errors name the place and what does not fit. `source` is the file the JSON came from. */
export function parseNetwork(json: unknown, source: string): Network {
  const parsed = networkSchema.safeParse(json);
  if (!parsed.success) throw new Error(`${source}: ${inWords(parsed.error.issues[0], json)}`);
  const network = parsed.data;
  if (network.input.length !== 1 && network.input.length !== 3)
    throw new Error(`${source}: input: found ${shown(network.input)}, expected ${INPUT}${greyHint(network.input)}`);
  try {
    classCount(network);
    if (parameters(network).length === 0) throw new Error('no layer has weights: give it a dense or a conv2d layer');
  } catch (error) {
    throw new Error(`${source}: ${(error as Error).message}`, { cause: error });
  }
  return network;
}

/** A network from a file's text. Errors in the JSON name line and column. */
export function readNetworkText(text: string, source: string): Network {
  // Some editors begin a file with a mark of its encoding.
  const json = text.replace(/^\ufeff/, '');
  if (json.trim() === '') throw new Error(`${source}: not readable as JSON: the file is empty`);
  const errors: ParseError[] = [];
  const value: unknown = parse(json, errors, { disallowComments: true, allowTrailingComma: false });
  if (errors.length > 0) throw new Error(`${source}: not readable as JSON: ${faultOf(errors[0], json)}`);
  return parseNetwork(value, source);
}

/** `line 3, column 5: a comma expected, found "}"`. */
function faultOf({ error, offset }: ParseError, text: string): string {
  const lines = text.slice(0, offset).split('\n');
  const at = `line ${lines.length}, column ${lines.at(-1)!.length + 1}`;
  const what = printParseErrorCode(error)
    .replaceAll(/([a-z])([A-Z])/g, '$1 $2')
    .toLowerCase();
  const found = /^\S{0,20}/.exec(text.slice(offset))![0];
  return `${at}: ${what}, found ${found || 'the end of the file'}`;
}
