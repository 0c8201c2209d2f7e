/** Sets of operators' documents: one hash a set, with its version in the field that has no name. */
import type { DocumentPut, DocumentStore } from '@cluster/session';
import { script, type Router } from './command.ts';
import type { Keys } from './keys.ts';
import * as scripts from './scripts.ts';

const PUTS: readonly DocumentPut[] = ['unchanged', 'stored', 'full'];

export function documentSets(router: Router, keys: Keys): DocumentStore {
  return {
    async documents(set, known) {
      const [reply] = await router.execute([script(scripts.documents, [keys.documents(set)], known ?? '')], 'plain');
      if (reply === null || reply === undefined) return undefined;
      const flat = (reply as readonly Buffer[]).map((part) => part.toString('utf8'));
      const documents = new Map(Array.from({ length: flat.length / 2 }, (_, i) => [flat[2 * i] ?? '', flat[2 * i + 1] ?? '']));
      const version = Number(documents.get('') ?? 0);
      documents.delete('');
      return { version, documents };
    },
    async putDocument(set, name, document, limit) {
      const put = script(scripts.putDocument, [keys.documents(set)], name, document ?? '', limit.documents, limit.bytes);
      const [reply] = await router.execute([put], 'durable');
      return PUTS[reply as number]!;
    },
  };
}
