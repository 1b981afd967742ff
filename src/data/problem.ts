/** An error a person can act on: what is wrong (naming the thing) and how to put it right. */
export class Problem extends Error {
  override readonly name = 'Problem';
  readonly fix: string;
  /** What other parties are told of it (`channel/reason.ts`): no value, no path. */
  readonly told: string | undefined;

  constructor(what: string, fix: string, options?: ErrorOptions & { readonly told?: string }) {
    super(what, options);
    this.fix = fix;
    this.told = options?.told;
  }
}
