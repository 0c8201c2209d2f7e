/**
 * node-coap's server with three repairs that LwM2M needs: blocks of a body belong together by resource, not by token (a
 * server may use a new token for each block), a body with a gap is answered 4.08, not dropped with an exception, and a
 * Reset is never answered.
 */
import { Server, type IncomingMessage } from 'coap';
import { generate } from 'coap-packet';
import type { Socket } from 'node:dgram';
import type { AddressInfo } from 'node:net';

type Packet = Parameters<Server['_handle']>[0];

/** CoAP server side of the simulated device. Emits 'request'. */
export class DeviceServer extends Server {
  override _toCacheKey(request: IncomingMessage, packet: Packet): string | null {
    const block = packet.options?.find((option) => option.name === 'Block1')?.value;
    if (block === undefined) return super._toCacheKey(request, packet);
    const key = `${this._clientIdentifier(request)} ${packet.code} ${request.url}`; // RFC 7959 §2.5
    if (isFirstBlock(block)) this._block1Cache.remove(key);
    return key;
  }

  override _handle(packet: Packet, peer: AddressInfo): void {
    try {
      super._handle(packet.reset ? withoutAck(packet) : packet, peer);
    } catch {
      const refusal = generate({ ...answerTo(packet), code: '4.08' }); // RFC 7959 §2.9.2
      (this._sock as Socket).send(refusal, peer.port, peer.address);
    }
  }
}

/** node-coap takes a Reset whose ack is false, not absent, for a request. RFC 7252 §4.2 */
function withoutAck({ ack: _, ...packet }: Packet): Packet {
  return packet;
}

function isFirstBlock(block: Uint8Array): boolean {
  return block.length === 0 || (block.length === 1 && (block[0] ?? 0) < 16);
}

function answerTo(packet: Packet): { ack: boolean; messageId: number; token: Buffer } {
  return { ack: true, messageId: packet.messageId ?? 0, token: packet.token ?? Buffer.alloc(0) };
}
