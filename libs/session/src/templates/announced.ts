/** What a device announced, as templates ask for it: its objects, their instances and versions. */
import { announcedVersions, defaultObjectVersion, type Lwm2mVersion, type RegisteredLink } from '@cluster/lwm2m';

/** What of a device decides which templates apply to it, and to which paths. */
export interface TemplateSubject {
  readonly endpoint: string;
  readonly tenant: string;
  readonly lwm2mVersion: Lwm2mVersion;
  readonly objectLinks: readonly RegisteredLink[];
  readonly labels?: Readonly<Record<string, string>> | undefined;
}

export class Announced {
  readonly #subject: TemplateSubject;
  /** Object → its announced instances, ascending. */
  readonly #instances = new Map<number, number[]>();
  #versions: ReadonlyMap<number, string> | undefined;

  constructor(subject: TemplateSubject) {
    this.#subject = subject;
    for (const { path } of subject.objectLinks) {
      const [object = -1, instance] = path.slice(1).split('/').map(Number);
      const instances = this.#instances.get(object) ?? [];
      if (instance !== undefined) instances.push(instance);
      this.#instances.set(object, instances);
    }
    for (const instances of this.#instances.values()) instances.sort((a, b) => a - b);
  }

  has(object: number, instance?: number): boolean {
    const instances = this.#instances.get(object);
    return instances !== undefined && (instance === undefined || instances.includes(instance));
  }

  instances(object: number): readonly number[] {
    return this.#instances.get(object) ?? [];
  }

  /** The version as announced, else the one that comes with the client's enabler. OMA LwM2M Core 1.2 §7.2.3 */
  version(object: number): string {
    const { objectLinks, lwm2mVersion } = this.#subject;
    this.#versions ??= announcedVersions(objectLinks);
    return this.#versions.get(object) ?? defaultObjectVersion(object, lwm2mVersion);
  }
}
