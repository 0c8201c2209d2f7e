/** The operations of device management and information reporting, one row each (Transport 1.1.1 §6.4.4, §6.4.5). */
import { Code } from '@cluster/coap';
import type { CommandRequest, Operation } from '@cluster/contracts';

/** Fields of a command that belong to its operation; the others (ttlS, priority, …) belong to the queue. */
export type OperationField =
  | 'path' | 'paths' | 'value' | 'values' | 'payloadBase64' | 'package' | 'contentFormat' | 'accept' | 'attributes' | 'arguments';

export interface OperationRule {
  /** CoAP method. */
  readonly code: number;
  /** Least and most ids of the path. What lies outside can't be told from another operation on the wire, or means none. */
  readonly levels: readonly [least: number, most: number];
  readonly needs: readonly OperationField[];
  readonly takes: readonly OperationField[];
  /** Value of the Observe option. */
  readonly observe?: 0 | 1;
}

const CONTENT = ['value', 'values', 'payloadBase64', 'contentFormat'] as const;

export const RULES: Readonly<Record<Operation, OperationRule>> = {
  'read': { code: Code.GET, levels: [1, 4], needs: ['path'], takes: ['accept'] },
  'write': { code: Code.PUT, levels: [1, 4], needs: ['path'], takes: [...CONTENT, 'package'] },
  // POST on an object is Create.
  'write-partial': { code: Code.POST, levels: [2, 4], needs: ['path'], takes: CONTENT },
  // POST on an object is Create, on an instance a partial Write.
  'execute': { code: Code.POST, levels: [3, 3], needs: ['path'], takes: ['arguments', 'payloadBase64', 'contentFormat'] },
  'create': { code: Code.POST, levels: [1, 2], needs: ['path'], takes: ['values', 'payloadBase64', 'contentFormat'] },
  'delete': { code: Code.DELETE, levels: [1, 4], needs: ['path'], takes: [] },
  'discover': { code: Code.GET, levels: [1, 4], needs: ['path'], takes: [] },
  'write-attributes': { code: Code.PUT, levels: [1, 4], needs: ['path', 'attributes'], takes: [] },
  'observe': { code: Code.GET, levels: [1, 4], needs: ['path'], takes: ['accept', 'attributes'], observe: 0 },
  'cancel-observe': { code: Code.GET, levels: [1, 4], needs: ['path'], takes: ['accept', 'attributes'], observe: 1 },
  'read-composite': { code: Code.FETCH, levels: [0, 4], needs: ['paths'], takes: ['contentFormat', 'accept'] },
  'write-composite': { code: Code.IPATCH, levels: [1, 4], needs: [], takes: ['values', 'payloadBase64', 'contentFormat'] },
  'observe-composite': {
    code: Code.FETCH, levels: [0, 4], needs: ['paths'], takes: ['contentFormat', 'accept', 'attributes'], observe: 0,
  },
  'cancel-observe-composite': {
    code: Code.FETCH, levels: [0, 4], needs: ['paths'], takes: ['contentFormat', 'accept', 'attributes'], observe: 1,
  },
};

/** Whether the operation carries values to the device. */
export function isWrite(op: Operation): boolean {
  return op === 'write' || op === 'write-partial' || op === 'create' || op === 'write-composite';
}

/** Operations whose repeat changes nothing that the first did not. */
const IDEMPOTENT: ReadonlySet<Operation> = new Set([
  'read', 'read-composite', 'discover', 'observe', 'observe-composite', 'cancel-observe', 'cancel-observe-composite',
  'write-attributes', 'write', 'delete',
]);

/**
 * Whether a command may be sent again after an exchange that ended without an answer: nobody knows then whether the
 * device acted. Writes to firmware (5) and software management (9) start processes and are never repeated unasked. The
 * caller's `repeatable` decides where it is given.
 */
export function isRepeatable(command: CommandRequest): boolean {
  if (command.repeatable !== undefined) return command.repeatable;
  const startsProcess = command.op === 'write' && /^\/[59](\/|$)/.test(command.path ?? '');
  return IDEMPOTENT.has(command.op) && !startsProcess;
}
