/** What an owner keeps of an upload (`kept-upload.ts`), in the page's own IndexedDB until the upload is done. */
import { formatKept, parseKept, type KeptUpload, type UploadKeeper } from '../federated/kept-upload.ts';
import { withStore } from './database.ts';

export class KeptInPage implements UploadKeeper {
  readonly #key: string;

  constructor(key: string) {
    this.#key = key;
  }

  async read(): Promise<KeptUpload | undefined> {
    const kept = await withStore('uploads', 'readonly', (store) => store.get(this.#key));
    return typeof kept === 'string' ? parseKept(kept, 'what this page keeps of the upload') : undefined;
  }

  async write(kept: KeptUpload): Promise<boolean> {
    try {
      await withStore('uploads', 'readwrite', (store) => store.add(formatKept(kept), this.#key));
      return true;
    } catch (error) {
      // As IndexedDB says that there is one.
      if ((error as Error).name === 'ConstraintError') return false;
      throw error;
    }
  }

  async remove(): Promise<void> {
    await withStore('uploads', 'readwrite', (store) => store.delete(this.#key));
  }
}
