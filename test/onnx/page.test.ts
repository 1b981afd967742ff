/** docs/onnx.md lists the table of operators. */
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { expect, it } from 'vitest';
import { OPSETS } from '../../src/onnx/file.ts';
import { OPERATORS } from '../../src/onnx/operators/table.ts';
import { operatorLines } from './page.ts';

const page = readFileSync(join(import.meta.dirname, '../../docs/onnx.md'), 'utf8');
const asOneLine = (text: string): string => text.replaceAll(/\s+/g, ' ');

it('the page has each operator, its versions and what becomes of it', () => {
  const missing = operatorLines(OPERATORS).filter((line) => !asOneLine(page).includes(asOneLine(line)));
  expect(missing).toEqual([]);
});

it('and the versions of operators that are read', () => {
  expect(page).toContain(`opset ${OPSETS.from} to ${OPSETS.to}`);
});
