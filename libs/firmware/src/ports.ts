/**
 * The ports through which packages and updates are kept. Updates: `@cluster/store-redis`, `@cluster/store-embedded`; bytes
 * of packages: `@cluster/package-storage`. The adapters of a port pass one suite of `@cluster/testing`.
 */

export interface StoredUpdate {
  readonly endpoint: string;
  /** Counts the changes of the record, from 1. */
  readonly version: number;
  readonly record: string;
}

/** The last update of each endpoint, of its firmware or of its software: one store for each. A call may fail as `StoreUnavailable` does: nothing is known about the step then. */
export interface UpdateStore {
  /** In the order of the names. */
  loadUpdates(endpoints: readonly string[]): Promise<(StoredUpdate | undefined)[]>;
  /**
   * False if the version is not `expected` (0: there must be none). `dueMs`: when somebody has to look at it; undefined: nobody has to.
   * `stage`: under what it is listed; without it, it is not.
   */
  changeUpdate(endpoint: string, expected: number, record: string, dueMs: number | undefined, stage?: string): Promise<boolean>;
  /** Updates in one of these stages, or all that are listed, in the order of their endpoints' UTF-8 bytes, after a name. */
  listUpdates(options: { readonly limit: number; readonly after?: string | undefined; readonly stages?: readonly string[] | undefined }): Promise<StoredUpdate[]>;
  /**
   * Endpoints whose updates are due, each for one caller: it is due again after `againMs`, for the case that this one dies.
   */
  takeDueUpdates(nowMs: number, againMs: number, limit: number): Promise<string[]>;
}

/** The storage did not answer, or has a fault of its own. */
export class StorageUnavailable extends Error {
  readonly code = 'STORAGE_UNAVAILABLE';
}

/** No room is left for a package. What was stored of it before stays. */
export class StorageFull extends Error {
  readonly code = 'STORAGE_FULL';
}

/** A part was written elsewhere than where the upload stands; `offset` is where that is. */
export class OffsetMismatch extends Error {
  readonly code = 'OFFSET_MISMATCH';
  readonly offset: number;

  constructor(offset: number) {
    super(`the upload stands at ${offset}`);
    this.offset = offset;
  }
}

/** Reads the bytes of complete packages. */
export interface PackageReader {
  /** Bytes [offset, offset + length) of a package, fewer at its end; undefined: there is no such package. */
  read(id: string, offset: number, length: number): Promise<Uint8Array | undefined>;
  /** Size of a complete package; undefined: there is none. */
  size(id: string): Promise<number | undefined>;
}

/** Keeps the bytes of packages. Every call may fail as {@link StorageUnavailable} does. */
export interface PackageStorage extends PackageReader {
  /** Bytes of an upload that are stored. */
  received(id: string): Promise<number>;
  /**
   * Adds a part at the end of an upload, which must stand at `offset`; what came before a failure stays. Takes no more than
   * `most` bytes in all: the part that passes that is not stored.
   * @throws {OffsetMismatch} {@link StorageFull} {@link UploadTooLarge}
   */
  append(id: string, offset: number, most: number, part: AsyncIterable<Uint8Array>): Promise<number>;
  /** The bytes of an upload, in order, to be checked before it is completed. */
  uploaded(id: string): AsyncIterable<Uint8Array>;
  /** The upload is whole: from now on it is a package. */
  complete(id: string): Promise<void>;
  /** Removes a package or an upload; what is not there is removed. */
  remove(id: string): Promise<void>;
}

/** More bytes came than the package has. */
export class UploadTooLarge extends Error {
  readonly code = 'UPLOAD_TOO_LARGE';
}

/** The stores of a cluster: for firmware, and for software. */
export interface UpdateStores extends UpdateStore {
  readonly software: UpdateStore;
}
