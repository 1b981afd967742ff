/**
 * An error a person can act on: `message` says what is wrong (naming the thing), `fix` how to put it right. Neither holds a value of anybody's data.
 *
 * @example
 * ```ts
 * import { parseNetwork, Problem } from 'securenn';
 *
 * try {
 *   parseNetwork('{ "name": "small" }');
 * } catch (error) {
 *   if (!(error instanceof Problem)) throw error;
 *   console.log(error.fix); // see docs/networks.md for what a network may say
 * }
 * ```
 */
export class Problem extends Error {
  override readonly name = 'Problem';
  /** How to put it right. */
  readonly fix: string;
  /** What other parties are told of it (`channel/reason.ts`): no value, no path. */
  readonly told: string | undefined;
  /**
   * How to put it right from a program, where that is no option of the same name (`inCode`).
   *
   * @internal
   */
  readonly fixInCode: string | undefined;

  constructor(
    what: string,
    fix: string,
    options?: ErrorOptions & { readonly told?: string; readonly fixInCode?: string },
  ) {
    super(what, options);
    this.fix = fix;
    this.told = options?.told;
    this.fixInCode = options?.fixInCode;
  }
}
