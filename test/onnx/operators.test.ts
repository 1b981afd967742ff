/** Every operator of the table, with odd shapes, against what onnxruntime gives; and what is refused, by name and with what to do. */
import { fromBinary } from '@bufbuild/protobuf';
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { Problem } from '../../src/data/problem.ts';
import { parseOnnx } from '../../src/onnx/file.ts';
import { importOnnx } from '../../src/onnx/model.ts';
import { OPERATORS } from '../../src/onnx/operators/table.ts';
import { ModelProtoSchema } from '../../src/onnx/schema.ts';
import { distance, expectedOf, type Facts, fixtures, floatScoresOf, FOLDER, OPTIONS, scoresOf } from './fixtures.ts';

interface Case extends Facts {
  readonly name: string;
  readonly operators: readonly string[];
  /** The file, in base 64. */
  readonly model: string;
  /** Words of the error. */
  readonly refused?: string;
}

const CASES = JSON.parse(readFileSync(join(FOLDER, 'operators.json'), 'utf8')) as readonly Case[];
/** Of float32, in which onnxruntime computes. */
const FLOAT = 1e-4;
/** A product with a matrix of up to 126 rows behind values that were rounded to 2^-16, or sigmoids and tangents to 2e-3. */
const FIXED = 5e-3;

describe('an operator', () => {
  it.each(CASES.filter(({ refused }) => refused === undefined))('$name', async (one) => {
    const file = parseOnnx(Buffer.from(one.model, 'base64'), 'case');
    const from = importOnnx(file, OPTIONS);
    const expected = expectedOf(from, one);
    expect(distance(floatScoresOf(from, one), expected)).toBeLessThan(FLOAT);
    expect(distance(await scoresOf(from, one), expected)).toBeLessThan(FIXED);
  });

  it.each(CASES.filter(({ refused }) => refused !== undefined))('refused: $name', ({ model, refused, operators }) => {
    const read = (): unknown => importOnnx(parseOnnx(Buffer.from(model, 'base64'), 'case.onnx'), OPTIONS);
    let thrown: unknown;
    try {
      read();
    } catch (error) {
      thrown = error;
    }
    expect(thrown).toBeInstanceOf(Problem);
    const { message, fix } = thrown as Problem;
    expect(`${message} (${fix})`).toContain(refused);
    // It names the node and its operator, and says what to do.
    expect(operators.some((name) => message.includes(`(${name.replace(/^.*:/, '')})`))).toBe(true);
    expect(fix).not.toBe('');
  });
});

describe('every operator of the table', () => {
  const called = (operators: readonly string[], name: string, domain = ''): boolean =>
    operators.includes(domain === '' ? name : `${domain}:${name}`);
  const files = fixtures().map((name) => {
    const { graph } = fromBinary(ModelProtoSchema, readFileSync(join(FOLDER, `${name}.onnx`)));
    return graph!.node.map(({ domain, opType }) => (domain === '' ? opType : `${domain}:${opType}`));
  });

  const [refusals, others] = [true, false].map((wanted) =>
    OPERATORS.filter(({ becomes }) => becomes.startsWith('refused') === wanted),
  );

  it.each(others)('$name: read, in a case or a file', (one) => {
    const answered = CASES.filter(({ refused }) => refused === undefined).map(({ operators }) => operators);
    expect([...answered, ...files].some((operators) => called(operators, one.name, one.domain))).toBe(true);
  });

  it.each(refusals)('$name: refused, in a case', (one) => {
    const cases = CASES.filter(({ refused }) => refused !== undefined).map(({ operators }) => operators);
    expect(cases.some((operators) => called(operators, one.name, one.domain))).toBe(true);
  });
});

it('what was expanded is said, with what it costs', () => {
  const notes = (name: string): string[] => {
    const { model } = CASES.find((one) => one.name === name)!;
    return importOnnx(parseOnnx(Buffer.from(model, 'base64'), 'case'), OPTIONS)
      .notes.filter(({ kind }) => kind === 'expanded')
      .map(({ text }) => text);
  };
  expect(notes('Conv, plain')).toEqual([]);
  expect(notes('Conv, groups')).toEqual([
    'node 0 (Conv): a convolution in 2 groups became one over all 4 channels, zeros between: 2 times the weights and multiplications',
  ]);
  expect(notes('Conv, depthwise with two filters a channel, dilations')).toEqual([
    'node 0 (Conv): a depthwise convolution became one over all 3 channels and a kernel 2x3 with dilation 1x2 became 2x5, zeros between: ' +
      '5 times the weights and multiplications',
  ]);
});
