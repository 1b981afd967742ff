/**
 * Images of a serving session that are answered, in all and to each client, at one party. Counts are kept on the disk ahead of use, so that a crash
 * makes a session answer fewer images than it allows, never more.
 */
import type { ServeDocument } from '../../federation/documents.ts';
import type { Id } from '../../federation/public-identity.ts';
import { Refusal } from '../refusal.ts';
import type { JobRecord } from './record.ts';

/** Images that are counted ahead, at the most. */
const AHEAD = 1024;

/** What may be answered, counted from the first. */
export type Allowed = Pick<JobRecord, 'images' | 'imagesOf'>;

export interface ImageCountOptions {
  readonly document: Pick<ServeDocument, 'maxImages' | 'maxImagesEach'>;
  /** As the disk has it: another object once it has changed. */
  readonly allowed: () => Allowed;
  /** Resolves when it is on the disk, or could not be written. */
  readonly allow: (allowed: Allowed) => Promise<void>;
}

export class ImageCount {
  readonly #options: ImageCountOptions;
  #used: number;
  readonly #usedBy: Map<Id, number>;
  #extending: Promise<void> | undefined;

  constructor(options: ImageCountOptions) {
    this.#options = options;
    const { images, imagesOf } = options.allowed();
    this.#used = images;
    this.#usedBy = new Map(Object.entries(imagesOf));
  }

  /** Images that may have been answered. */
  get used(): number {
    return this.#used;
  }

  get isUsedUp(): boolean {
    return this.#used >= this.#options.document.maxImages;
  }

  /** Before anything is answered: on the disk when this resolves. Rejects with a Refusal when there are fewer left. */
  async take(client: Id, images: number): Promise<void> {
    const { maxImages, maxImagesEach = maxImages } = this.#options.document;
    const mine = this.#usedBy.get(client) ?? 0;
    const [left, mineLeft] = [maxImages - this.#used, maxImagesEach - mine];
    if (images > left) {
      const fix = 'ask for a new session: propose another job';
      throw new Refusal(409, `the session answers ${Math.max(0, left)} images more`, fix);
    }
    if (images > mineLeft) {
      const fix = 'ask who proposed the session for one that answers you more (--max-images-each)';
      throw new Refusal(409, `the session answers you ${Math.max(0, mineLeft)} images more`, fix);
    }
    this.#used += images;
    this.#usedBy.set(client, mine + images);
    while (!this.#isAllowed(client, 0)) await this.#extendOnce(client, images);
    // So that nobody waits for the disk where it can be helped.
    if (!this.#isAllowed(client, this.#ahead / 2)) this.#extend().catch(() => undefined);
  }

  /** They are not answered after all. */
  giveBack(client: Id, images: number): void {
    this.#used -= images;
    this.#usedBy.set(client, (this.#usedBy.get(client) ?? 0) - images);
  }

  async #extendOnce(client: Id, images: number): Promise<void> {
    // It may be of use, or not: what it allows was said before this was counted.
    if (this.#extending !== undefined) return this.#extending;
    const before = this.#options.allowed();
    await this.#extend();
    // Others may have taken what was allowed meanwhile: then it goes on.
    if (this.#options.allowed() !== before) return;
    this.giveBack(client, images);
    // It could not be kept, so it cannot be answered.
    throw new Refusal(507, 'the input cannot be counted', 'try again later');
  }

  /** Whether the disk allows what is used, and so many more as the document still does. */
  #isAllowed(client: Id, more: number): boolean {
    const { document, allowed } = this.#options;
    const { images, imagesOf } = allowed();
    if (images < Math.min(document.maxImages, this.#used + more)) return false;
    const { maxImagesEach } = document;
    const mine = this.#usedBy.get(client) ?? 0;
    return maxImagesEach === undefined || (imagesOf[client] ?? 0) >= Math.min(maxImagesEach, mine + more);
  }

  get #ahead(): number {
    return Math.min(AHEAD, Math.floor(this.#options.document.maxImages / 100));
  }

  #extend(): Promise<void> {
    this.#extending ??= this.#options.allow(this.#next()).finally(() => {
      this.#extending = undefined;
    });
    return this.#extending;
  }

  /** What is used, and some more. */
  #next(): Allowed {
    const { maxImages, maxImagesEach } = this.#options.document;
    const images = Math.min(maxImages, this.#used + this.#ahead);
    if (maxImagesEach === undefined) return { images, imagesOf: {} };
    const few = Math.min(AHEAD, Math.floor(maxImagesEach / 100));
    const each = [...this.#usedBy].map(([id, used]) => [id, Math.min(maxImagesEach, used + few)] as const);
    return { images, imagesOf: Object.fromEntries(each) };
  }
}
