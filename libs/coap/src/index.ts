/** CoAP without I/O: message codec, and an engine that is client and server (RFC 7252, 7641, 7959, 8132, 9175). */
export type { Datagram, Rng } from './context.ts';
export type { CoapCounters } from './counters.ts';
export { CoapEngine } from './engine.ts';
export type { CoapEngineOptions, CoapUsage, Polled } from './engine.ts';
export type { CoapEvent, CoapResponse, OutgoingRequest, RequestFailure } from './events.ts';
export { blockOption, blockSize, encodeBlock, szxFor } from './message/block-option.ts';
export type { Block } from './message/block-option.ts';
export { Code, formatCode, isRequest, isResponse, isSuccess, parseCode } from './message/codes.ts';
export { decodeMessage } from './message/decode.ts';
export type { DecodeFault, Decoded, MalformedHeader } from './message/decode.ts';
export { CoapEncodeError, encodeMessage } from './message/encode.ts';
export { MessageType } from './message/message.ts';
export type { CoapMessage, CoapOption } from './message/message.ts';
export {
  OptionNumber,
  contentFormat,
  locationPath,
  observeValue,
  optionValue,
  textOptions,
  uintOption,
  uintValue,
  uriPath,
  uriQuery,
  withoutOptions,
} from './message/options.ts';
export { isFresher } from './observe.ts';
export type { ObservedAt } from './observe.ts';
export {
  DEFAULT_LIMITS,
  DEFAULT_PARAMETERS,
  exchangeLifetimeMs,
  maxTransmitSpanMs,
  maxTransmitWaitMs,
  nonLifetimeMs,
} from './parameters.ts';
export type { CoapLimits, CoapParameters } from './parameters.ts';
