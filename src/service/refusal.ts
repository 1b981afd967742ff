/** A request that is not granted, in words for who made it: an answer `{error, fix}` with this status. */
export class Refusal extends Error {
  override readonly name = 'Refusal';
  readonly status: number;
  readonly fix: string;

  /** @param error no value of anybody's data, no path of this machine */
  constructor(status: number, error: string, fix: string) {
    super(error);
    this.status = status;
    this.fix = fix;
  }
}
