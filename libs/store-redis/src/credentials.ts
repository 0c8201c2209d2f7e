/** Credentials: a record in each device's slot, and the names that lead to a device, each in its own slot. */
import { Buffer } from 'node:buffer';
import type { CredentialStore } from '@cluster/session';
import { script, type Router } from './command.ts';
import type { Keys } from './keys.ts';
import * as scripts from './scripts.ts';
import { fromStored, toStored } from './stored-number.ts';

const HEAD = 4;

export function credentialKeeper(router: Router, keys: Keys): CredentialStore {
  return {
    async loadCredentials(numbers) {
      const values = await router.getMany(numbers.map(keys.credentials));
      return values.map((value) => (value === null ? undefined : { version: value.readUInt32BE(0), record: value.subarray(HEAD) }));
    },
    async commitCredentials(number, expected, record) {
      const value = record === undefined ? '' : Buffer.concat([Buffer.alloc(HEAD), record]);
      if (value !== '') value.writeUInt32BE(expected + 1);
      const [reply] = await router.execute([script(scripts.commitCredentials, [keys.credentials(number)], expected, value)], 'durable');
      return reply === 1;
    },
    async findNames(names) {
      const numbers = await router.getMany(names.map(keys.credentialName));
      return numbers.map((number) => (number === null ? undefined : fromStored(number)));
    },
    async claimNames(claims) {
      const commands = claims.map(({ name, number, replaces }) =>
        script(scripts.claim, [keys.credentialName(name)], toStored(number), replaces === undefined ? '' : toStored(replaces)),
      );
      return (await router.execute(commands, 'durable')).map((number) => fromStored(number as Buffer));
    },
    async releaseNames(claims) {
      await router.execute(claims.map(({ name, number }) => script(scripts.release, [keys.credentialName(name)], toStored(number))), 'durable');
    },
  };
}
