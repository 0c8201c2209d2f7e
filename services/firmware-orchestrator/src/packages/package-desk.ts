/**
 * Packages as operators bring them: announced, uploaded in parts, checked, kept, removed. What fails its check is removed
 * as a whole; an upload whose connection broke stays where it stands, to be gone on with.
 */
import { createHash, randomBytes } from 'node:crypto';
import { Injectable } from '@nestjs/common';
import type { PackageRequest, PackageView } from '@cluster/contracts';
import {
  decodePackage, encodePackage, type FirmwarePackage, OffsetMismatch, PACKAGES, PACKAGES_LIMIT, packageView, type PackageStorage, StorageFull, UploadTooLarge,
} from '@cluster/firmware';
import { ApiError } from '@cluster/nest-kit';
import type { FirmwareDeps, FirmwareOptions } from '../options.ts';
import { fitsAlgorithm, MAX_ED25519_BYTES, SignatureCheck } from './signatures.ts';

type Deps = Pick<FirmwareDeps, 'documents' | 'storage' | 'sessions'>;
type Options = Pick<FirmwareOptions, 'signatureKeys' | 'signatureRequired' | 'uploadKeptMs'>;

@Injectable()
export class PackageDesk {
  readonly #deps: Deps;
  readonly #options: Options;
  /** Uploads that a part is being added to. */
  readonly #busy = new Set<string>();

  constructor(deps: Deps, options: Options) {
    this.#deps = deps;
    this.#options = options;
  }

  /** Announces a package; its bytes come next. */
  async announce(request: PackageRequest): Promise<PackageView> {
    this.#checkSignature(request);
    const id = randomBytes(16).toString('base64url');
    const one: FirmwarePackage = { ...request, state: 'uploading', createdAtMs: await this.#deps.sessions.timeMs() };
    await this.#put(id, one);
    return packageView(id, one, 0);
  }

  /** The package; its bytes may still be coming. @throws {ApiError} 404 */
  async show(id: string): Promise<PackageView> {
    const one = await this.find(id);
    return packageView(id, one, await this.#received(id, one));
  }

  async list(): Promise<PackageView[]> {
    const { documents = new Map<string, string>() } = (await this.#deps.documents.documents(PACKAGES)) ?? {};
    const all = [...documents].map(([id, document]) => [id, decodePackage(document)] as const);
    const views = await Promise.all(all.map(async ([id, one]) => packageView(id, one, await this.#received(id, one))));
    return views.toSorted((a, b) => b.createdAt.localeCompare(a.createdAt));
  }

  /** Adds a part to an upload that stands at `offset`; the last one completes the package, if it is what was announced. */
  async append(id: string, offset: number, part: AsyncIterable<Uint8Array>): Promise<PackageView> {
    const one = await this.find(id);
    if (one.state === 'ready') throw new ApiError(409, 'PACKAGE_COMPLETE', 'The package has all its bytes', { detail: id });
    if (this.#busy.has(id)) throw new ApiError(409, 'UPLOAD_BUSY', 'Another part of the package is being uploaded', { detail: id });
    this.#busy.add(id);
    try {
      const received = await this.#store(id, one, offset, part);
      return received < one.size ? packageView(id, one, received) : await this.#complete(id, one);
    } finally {
      this.#busy.delete(id);
    }
  }

  /** Removes a package with its bytes. What edges have of it in memory may still go to devices. @throws {ApiError} 404 */
  async remove(id: string): Promise<void> {
    await this.find(id);
    await this.#forget(id);
  }

  /** A package that devices may be given. @throws {ApiError} 404, 409 */
  async ready(id: string): Promise<FirmwarePackage> {
    const one = await this.find(id);
    if (one.state !== 'ready') throw new ApiError(409, 'PACKAGE_INCOMPLETE', 'The package does not have all its bytes yet', { detail: id });
    return one;
  }

  /** Removes uploads that nobody went on with. */
  async removeAbandoned(): Promise<number> {
    const { documents = new Map<string, string>() } = (await this.#deps.documents.documents(PACKAGES)) ?? {};
    const before = (await this.#deps.sessions.timeMs()) - this.#options.uploadKeptMs;
    const abandoned = [...documents].filter(([id, document]) => {
      const { state, createdAtMs } = decodePackage(document);
      return state === 'uploading' && createdAtMs < before && !this.#busy.has(id);
    });
    for (const [id] of abandoned) await this.#forget(id);
    return abandoned.length;
  }

  /** @throws {ApiError} 404 */
  async find(id: string): Promise<FirmwarePackage> {
    const document = (await this.#deps.documents.documents(PACKAGES))?.documents.get(id);
    if (document === undefined) throw new ApiError(404, 'PACKAGE_UNKNOWN', 'There is no such package', { detail: id });
    return decodePackage(document);
  }

  #checkSignature({ signature, size }: PackageRequest): void {
    const { signatureKeys, signatureRequired } = this.#options;
    if (signature === undefined) {
      if (signatureRequired) throw new ApiError(422, 'SIGNATURE_MISSING', 'Packages need a signature here');
      return;
    }
    const key = signatureKeys.get(signature.keyId);
    if (key === undefined || !fitsAlgorithm(key, signature.algorithm)) {
      throw new ApiError(422, 'SIGNATURE_KEY_UNKNOWN', 'No public key of this id and algorithm is configured', { detail: signature.keyId });
    }
    if (signature.algorithm === 'ed25519' && size > MAX_ED25519_BYTES) {
      throw new ApiError(422, 'SIGNATURE_UNSUITABLE', `Ed25519 is checked for packages up to ${MAX_ED25519_BYTES} bytes; sign larger ones by ECDSA`);
    }
  }

  async #received(id: string, { state, size }: FirmwarePackage): Promise<number> {
    return state === 'ready' ? size : this.#deps.storage.received(id);
  }

  async #put(id: string, one: FirmwarePackage): Promise<void> {
    const put = await this.#deps.documents.putDocument(PACKAGES, id, encodePackage(one), PACKAGES_LIMIT);
    if (put === 'full') throw new ApiError(507, 'PACKAGES_FULL', 'There are as many packages as the cluster keeps');
  }

  async #forget(id: string): Promise<void> {
    await this.#deps.documents.putDocument(PACKAGES, id, undefined, PACKAGES_LIMIT);
    await this.#deps.storage.remove(id);
  }

  async #store(id: string, one: FirmwarePackage, offset: number, part: AsyncIterable<Uint8Array>): Promise<number> {
    const { storage } = this.#deps;
    try {
      // Whole already: a process died between the last byte and the announcement of it.
      return (await storage.size(id)) ?? (await storage.append(id, offset, one.size, part));
    } catch (error) {
      if (error instanceof OffsetMismatch) {
        throw new ApiError(409, 'OFFSET_MISMATCH', 'The upload goes on at another offset', { detail: String(error.offset), cause: error });
      }
      if (error instanceof UploadTooLarge) return this.#discard(id, new ApiError(413, 'UPLOAD_TOO_LARGE', 'More bytes came than were announced'));
      if (error instanceof StorageFull) return this.#discard(id, new ApiError(507, 'STORAGE_FULL', 'No room is left for the package; nothing of it was kept', { cause: error }));
      throw error;
    }
  }

  async #complete(id: string, one: FirmwarePackage): Promise<PackageView> {
    const { storage } = this.#deps;
    if ((await storage.size(id)) === undefined) {
      await this.#check(id, one, storage);
      await storage.complete(id);
    }
    const ready: FirmwarePackage = { ...one, state: 'ready' };
    await this.#put(id, ready);
    return packageView(id, ready, one.size);
  }

  async #check(id: string, { sha256, signature }: FirmwarePackage, storage: PackageStorage): Promise<void> {
    const digest = createHash('sha256');
    const key = signature && this.#options.signatureKeys.get(signature.keyId);
    const check = signature && key && new SignatureCheck(signature, key);
    for await (const bytes of storage.uploaded(id)) {
      digest.update(bytes);
      check?.update(bytes);
    }
    const found = digest.digest('hex');
    if (found !== sha256) {
      await this.#discard(id, new ApiError(422, 'PACKAGE_HASH_MISMATCH', 'The bytes are not those of the announced SHA-256; nothing of them was kept', { detail: found }));
    }
    if (signature !== undefined && check?.valid() !== true) {
      await this.#discard(id, new ApiError(422, 'SIGNATURE_INVALID', 'The signature is not that of the package; nothing of it was kept', { detail: signature.keyId }));
    }
  }

  async #discard(id: string, why: ApiError): Promise<never> {
    await this.#forget(id);
    throw why;
  }
}
