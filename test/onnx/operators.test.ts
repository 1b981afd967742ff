/** Every operator of the table, with odd shapes, against what onnxruntime gives; and what is refused, by name and with what to do. */
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { Problem } from '../../src/data/problem.ts';
import { parseOnnx } from '../../src/onnx/file.ts';
import { importOnnx } from '../../src/onnx/model.ts';
import { OPERATORS } from '../../src/onnx/operators/table.ts';
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

it('every operator of the table stands in a file that is tested', () => {
  const text = fixtures().map((name) => readFileSync(join(FOLDER, `${name}.onnx`), 'latin1'));
  const named = new Set(CASES.flatMap(({ operators }) => operators));
  const missing = OPERATORS.filter(
    ({ name, domain }) =>
      !named.has(domain === undefined ? name : `${domain}:${name}`) && !text.some((one) => one.includes(name)),
  );
  expect(missing.map(({ name }) => name)).toEqual([]);
});
