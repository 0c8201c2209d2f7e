/** Sets of operators' documents, each with the version of its last change. */
import { Buffer } from 'node:buffer';
import type { DocumentLimit, DocumentPut, DocumentStore } from '@cluster/session';
import type { Database } from './database.ts';

const VERSION = 'SELECT version FROM store_document_sets WHERE set_name = ?';
const ONE = 'SELECT document FROM store_documents WHERE set_name = ? AND name = ?';
const ALL = 'SELECT name, document FROM store_documents WHERE set_name = ? ORDER BY name';

export function documentSets(database: Database): DocumentStore {
  return {
    documents: (set, known) =>
      database.read(() => {
        const version = Number(database.get(VERSION, set)?.['version'] ?? 0);
        if (version === known) return undefined;
        const rows = database.all(ALL, set).map((row): [string, string] => [String(row['name']), String(row['document'])]);
        return { version, documents: new Map(rows) };
      }),
    putDocument: (set, name, document, limit) => database.write(() => put(database, set, name, document, limit)),
  };
}

function put(database: Database, set: string, name: string, document: string | undefined, limit: DocumentLimit): DocumentPut {
  const held = database.get(ONE, set, name)?.['document'];
  if (held === document) return 'unchanged';
  if (document === undefined) database.run('DELETE FROM store_documents WHERE set_name = ? AND name = ?', set, name);
  else if (passesLimit(database, set, name, document, limit)) return 'full';
  else database.run('INSERT OR REPLACE INTO store_documents VALUES (?, ?, ?)', set, name, document);
  database.run('INSERT INTO store_document_sets VALUES (?, 1) ON CONFLICT (set_name) DO UPDATE SET version = version + 1', set);
  return 'stored';
}

function passesLimit(database: Database, set: string, name: string, document: string, limit: DocumentLimit): boolean {
  const others = database.all(ALL, set).filter((row) => row['name'] !== name);
  const bytes = others.reduce((sum, row) => sum + Buffer.byteLength(String(row['document'])), Buffer.byteLength(document));
  return bytes > limit.bytes || others.length >= limit.documents;
}
