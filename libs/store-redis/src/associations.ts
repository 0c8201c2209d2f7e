/** DTLS associations: sealed records, each in a slot of its own, and what moves beside the device's session. */
import { Buffer } from 'node:buffer';
import type { AssociationStore, SlotWrite } from '@cluster/session';
import { command, script, type RedisCommand, type Router } from './command.ts';
import { mapEach } from './faults.ts';
import type { Keys } from './keys.ts';
import * as scripts from './scripts.ts';

const HEAD = 4;

export function associationKeeper(router: Router, keys: Keys): AssociationStore {
  return {
    async putSealed(records) {
      const puts = records.map(({ name, record, ttlMs }) => command(keys.sealed(name), 'set', Buffer.from(record), 'PX', ttlMs));
      await router.execute(puts, 'durable');
    },
    loadSealed: async (names) => (await router.getMany(names.map(keys.sealed))).map((value) => value ?? undefined),
    async extendSealed(names, ttlMs) {
      await router.execute(names.map((name) => command(keys.sealed(name), 'pexpire', ttlMs)), 'plain');
    },
    async removeSealed(names) {
      await router.execute(names.map((name) => command(keys.sealed(name), 'del')), 'durable');
    },
    async loadSlots(numbers) {
      return mapEach(router.getMany(numbers.map(keys.associationSlot)), (value) => (
        value === null ? undefined : { version: value.readUInt32BE(0), record: value.subarray(HEAD) }
      ));
    },
    async commitSlots(writes) {
      return mapEach(router.execute(writes.map((write) => toCommand(write, keys)), 'durable'), (reply) => reply === 1);
    },
  };
}

function toCommand({ number, expected, version, record, ttlMs }: SlotWrite, keys: Keys): RedisCommand {
  const value = Buffer.allocUnsafe(HEAD + record.length);
  value.writeUInt32BE(version);
  value.set(record, HEAD);
  return script(scripts.commitSlot, [keys.associationSlot(number)], expected, value, ttlMs);
}
