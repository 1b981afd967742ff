/** Networks as files (docs/networks.md): what is wrong with one is said in its writer's words, with the place and what was found there. */
import { parse, printParseErrorCode, type ParseError } from 'jsonc-parser';
import { z } from 'zod';
import { didYouMean } from './nearest.ts';
import { layerShapes, type Network } from './network.ts';

// A schema's message says what is expected; `inWords` adds the place and what was found.
const whole = (minimum: number, maximum: number): z.ZodInt => {
  const error = `a whole number from ${minimum} to ${maximum}`;
  return z.int(error).min(minimum, error).max(maximum, error);
};
const LARGEST = 65536;
const MOST_LAYERS = 256;
const size = whole(1, LARGEST);
const extent = z.union([size, z.tuple([size, size])], `a whole number from 1 to ${LARGEST}, or [height, width]`);
const stride = whole(1, 1024).optional();
const pooling = { window: extent, stride };

const INPUT = `[inputs] or [height, width, channels], whole numbers from 1 to ${LARGEST}`;
const LAYERS = `a list of 1 to ${MOST_LAYERS} layers`;

const layers = {
  conv2d: {
    type: z.literal('conv2d'),
    filters: size,
    kernel: extent,
    stride,
    padding: whole(0, 1024).optional(),
  },
  maxpool: { type: z.literal('maxpool'), ...pooling },
  averagepool: { type: z.literal('averagepool'), ...pooling },
  dense: { type: z.literal('dense'), units: size },
  flatten: { type: z.literal('flatten') },
  relu: { type: z.literal('relu') },
};
const layerTypes = Object.keys(layers);
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
};
const object = 'an object {…}';

const network = {
  name: z.string('a text of 1 to 64 characters').min(1).max(64),
  input: z.array(size, INPUT).min(1, INPUT).max(4, INPUT),
  layers: z
    .array(
      z.discriminatedUnion(
        'type',
        [
          z.strictObject(layers.conv2d, object),
          z.strictObject(layers.maxpool, object),
          z.strictObject(layers.averagepool, object),
          z.strictObject(layers.dense, object),
          z.strictObject(layers.flatten, object),
          z.strictObject(layers.relu, object),
        ],
        { error: ({ code }) => ((code as string) === 'invalid_type' ? object : TYPES) },
      ),
      LAYERS,
    )
    .min(1, LAYERS)
    .max(MOST_LAYERS, LAYERS),
};
const networkSchema: z.ZodType<Network> = z.strictObject(network, object);

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
  const type = path.length === 0 ? undefined : (owner as { type: keyof typeof layers }).type;
  const [what, known] =
    type === undefined
      ? ['a network', Object.keys(network)]
      : [type, Object.keys(layers[type]).filter((k) => k !== 'type')];
  const takes = known.length === 0 ? 'takes no more' : `takes ${known.join(', ')}`;
  return `${placeOf([...path, key])}unknown: ${what} ${takes}${didYouMean(key, known)}`;
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
  if (network.layers.at(-1)!.type !== 'dense')
    throw new Error(`${source}: the last layer must be dense (its outputs are the class scores)`);
  if (network.input.length !== 1 && network.input.length !== 3)
    throw new Error(`${source}: input: found ${shown(network.input)}, expected ${INPUT}${greyHint(network.input)}`);
  try {
    layerShapes(network);
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
