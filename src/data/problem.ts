/** An error a person can act on: what is wrong (naming the thing) and how to put it right. */
export class Problem extends Error {
  override readonly name = 'Problem';
  readonly fix: string;

  constructor(what: string, fix: string, options?: ErrorOptions) {
    super(what, options);
    this.fix = fix;
  }
}
