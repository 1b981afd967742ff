/**
 * Whether revealed results are possible at all. Where values have left what fixed point and comparison window hold, or a local truncation went
 * wrong, what comes out is often no loss, class or score that the computation can give: the owner is told, once for each kind.
 */
import type { LossName } from '../nn/loss.ts';
import { comparisonLimit, type RangeOptions } from '../engine/ranges.ts';

interface Setting extends RangeOptions {
  readonly truncation: 'dealt' | 'local';
}

/** What the shown mean loss of a batch may err by (`softmax.ts`), and the rounding of few fractional bits. */
const ROUNDING = 0.02;
/** Logits are clipped to this far below the largest (`exponential.ts`). */
const CLIPPED = 16;

/** The losses that there can be: the cross-entropy of clipped logits, or a squared error. */
export function possibleLosses(loss: LossName, classes: number): [least: number, most: number] {
  return [0, loss === 'softmax' ? CLIPPED + Math.log(classes) : 2];
}

/** What to do about values that leave their range. */
function remedy({ suite, truncation }: Setting, more = ''): string {
  const window =
    suite === 'direct' ? 'give more --compare-bits or fewer --fraction-bits' : 'give fewer --fraction-bits';
  return `${window}${more}${truncation === 'local' ? ', or --truncation dealt' : ''}`;
}

export function lossWarning(
  loss: number | undefined,
  step: number,
  settings: Setting & { readonly loss: LossName },
  classes: number,
): string | undefined {
  const [least, most] = possibleLosses(settings.loss, classes);
  if (loss === undefined || (loss >= least - ROUNDING && loss <= most + ROUNDING)) return undefined;
  return (
    `warning: the loss of step ${step} is ${loss.toPrecision(4)}, but ${settings.loss} gives 0 to ${most.toPrecision(3)}: values have left their range ` +
    `and the model is most likely spoilt; ${remedy(settings, ', or a smaller --lr')}`
  );
}

export function countWarning(correct: number, images: number, settings: Setting): string | undefined {
  if (Number.isInteger(correct) && correct >= 0 && correct <= images) return undefined;
  return `warning: ${correct} of ${images} images right is impossible: values have left their range; ${remedy(settings, ', or a smaller --lr')}`;
}

/** Of the classes that an inference has revealed. */
export function classWarning(predictions: readonly number[], classes: number, settings: Setting): string | undefined {
  const image = predictions.findIndex((k) => !Number.isInteger(k) || k < 0 || k >= classes);
  if (image < 0) return undefined;
  return (
    `warning: image ${image} of the batch was given class ${predictions[image]} of 0 to ${classes - 1}: values have left their range, and other classes ` +
    `may be wrong, too; ${remedy(settings)}`
  );
}

/** Of the scores that an inference has revealed: what is compared must lie inside the window. */
export function scoreWarning(scores: Float64Array, settings: Setting): string | undefined {
  const limit = comparisonLimit(settings);
  const worst = scores.reduce((most, score) => Math.max(most, Math.abs(score)), 0);
  if (worst < limit) return undefined;
  return `warning: a score is ${worst.toPrecision(4)}, the comparison window holds ${limit}: expect wrong classes; ${remedy(settings)}`;
}

/** Says each kind of warning once. */
export class Warnings {
  readonly #line: (text: string) => void;
  readonly #said = new Set<string>();

  constructor(line: (text: string) => void) {
    this.#line = line;
  }

  say(kind: string, warning: string | undefined): void {
    if (warning === undefined || this.#said.has(kind)) return;
    this.#said.add(kind);
    this.#line(warning);
  }
}
