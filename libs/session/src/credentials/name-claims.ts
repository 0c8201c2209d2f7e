/**
 * The names under which a device's credentials are found, each of which leads to one device. They are hints: a name that
 * the device's record holds nothing for was left behind by a step that was cut short, and may be taken.
 */
import type { KeyRing } from '@cluster/secrets';
import type { DeviceNumber } from '../ports.ts';
import type { Credential, CredentialContent } from './credential.ts';
import { giveBack } from './give-back.ts';
import { identityName, keyNames } from './names.ts';
import type { CredentialStore } from './store.ts';

/** Why a credential is refused where another device has its name. */
export interface NameRefusal {
  readonly reason: 'identity-taken' | 'key-shared';
  readonly kind: CredentialContent['kind'];
}

interface Deps {
  readonly store: CredentialStore;
  readonly ring: KeyRing;
  /** Whether one key may be several devices'. */
  readonly sharedPsks: boolean;
  /** The valid credentials of a device; undefined: its record does not open, so nobody knows. */
  readonly credentialsOf: (number: DeviceNumber) => Promise<readonly Credential[] | undefined>;
}

type Name = NameRefusal & { readonly name: string };

export class NameClaims {
  readonly #deps: Deps;

  constructor(deps: Deps) {
    this.#deps = deps;
  }

  /** Claims what the contents are found by, for good only once the device's record holds them. Undefined: they are the device's. */
  async claim(number: DeviceNumber, contents: readonly CredentialContent[]): Promise<NameRefusal | undefined> {
    for (const { name, reason, kind, holder } of await this.#claimFree(number, contents)) {
      if (holder !== number && !(await this.#takeOver(name, number, holder))) return { reason, kind };
    }
    return undefined;
  }

  /** After the record was written: whether the names are still the device's. None is taken from another. */
  async confirm(number: DeviceNumber, contents: readonly CredentialContent[]): Promise<NameRefusal | undefined> {
    return (await this.#claimFree(number, contents)).find(({ holder }) => holder !== number);
  }

  /** Gives back the names of `contents`, but for those that `kept` has too. */
  async release(number: DeviceNumber, contents: readonly CredentialContent[], kept: readonly Credential[]): Promise<void> {
    const stay = new Set(this.#namesOf(kept.map(({ content }) => content)).map(({ name }) => name));
    const gone = this.#namesOf(contents).map(({ name }) => name).filter((name) => !stay.has(name));
    await giveBack(this.#deps.store, number, gone, async () => (await this.#heldBy(number)) ?? []);
  }

  async #claimFree(number: DeviceNumber, contents: readonly CredentialContent[]): Promise<(Name & { readonly holder: DeviceNumber })[]> {
    const names = this.#namesOf(contents);
    const holders = await this.#deps.store.claimNames(names.map(({ name }) => ({ name, number })));
    return names.map((each, i) => ({ ...each, holder: holders[i]! }));
  }

  /**
   * The holder may write its record just now. So it is looked at once more when the name is taken; and it looks itself,
   * after it has written.
   */
  async #takeOver(name: string, number: DeviceNumber, holder: DeviceNumber): Promise<boolean> {
    if (await this.#standsFor(holder, name)) return false;
    const [now] = await this.#deps.store.claimNames([{ name, number, replaces: holder }]);
    if (now !== number) return false;
    if (!(await this.#standsFor(holder, name))) return true;
    await this.#deps.store.claimNames([{ name, number: holder, replaces: number }]);
    return false;
  }

  async #standsFor(number: DeviceNumber, name: string): Promise<boolean> {
    const held = await this.#heldBy(number);
    return held === undefined || held.includes(name);
  }

  async #heldBy(number: DeviceNumber): Promise<string[] | undefined> {
    const credentials = await this.#deps.credentialsOf(number);
    return credentials && this.#namesOf(credentials.map(({ content }) => content)).map(({ name }) => name);
  }

  #namesOf(contents: readonly CredentialContent[]): Name[] {
    const { ring, sharedPsks } = this.#deps;
    return contents.flatMap((content) => {
      const { kind } = content;
      const identity: Name = { name: identityName(content), reason: 'identity-taken', kind };
      if (content.kind !== 'psk' || sharedPsks) return [identity];
      return [identity, ...keyNames(ring, content).map((name): Name => ({ name, reason: 'key-shared', kind }))];
    });
  }
}
