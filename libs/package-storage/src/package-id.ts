/** Ids of packages as parts of paths and keys. */
const ID = /^[\w-]{22}$/;

/** Ids come from links and queues too: none may lead anywhere else. @throws {RangeError} */
export function checkedId(id: string): string {
  if (!ID.test(id)) throw new RangeError('not the id of a package');
  return id;
}
