/** The AsyncAPI 3.0 document of the topics, made from the schemas of the events' values. */
import { z } from 'zod';
import { campaignView } from './campaigns.ts';
import {
  auditValue, bootstrapEndedValue, certificateValue, commandEventType, commandResultValue, commandValue, endpointChangedValue, endpointDisabledValue, eventTypes, notificationGapValue, presenceValue,
  registrationValue, reportValue, type Topic, topics,
} from './events.ts';
import { firmwareChangedValue } from './firmware.ts';
import { softwareChangedValue } from './software.ts';
import { jobView } from './fleet.ts';

type Json = Record<string, unknown>;

/** The events of one topic that share a value. */
interface Message {
  readonly name: string;
  readonly topic: Topic;
  /** CloudEvents `type`, one of these. */
  readonly types: readonly string[];
  readonly summary: string;
  readonly value: z.ZodType;
  /** Written by callers; else by the cluster. */
  readonly byCallers?: true;
}

const { registered, updated, deregistered, expired, removed, awake, asleep, disabled, overdue } = eventTypes;

/** Every event, once. */
export const eventMessages: readonly Message[] = [
  {
    name: 'registration', topic: topics.registrations, types: [registered, updated, deregistered, expired, removed],
    summary: 'The registration as it stands after it changed', value: registrationValue,
  },
  {
    name: 'endpointChanged', topic: topics.registrations, types: [eventTypes.endpointChanged],
    summary: 'What an operator keeps for an endpoint, whole, after it changed', value: endpointChangedValue,
  },
  { name: 'presence', topic: topics.registrations, types: [awake, asleep], summary: 'A queue-mode device went to sleep, or woke up', value: presenceValue },
  { name: 'disabled', topic: topics.registrations, types: [disabled, overdue], summary: 'A device was sent away for a time, or has not come back by then', value: endpointDisabledValue },
  { name: 'notification', topic: topics.notifications, types: [eventTypes.notification], summary: 'Observed values', value: reportValue },
  { name: 'notificationGap', topic: topics.notifications, types: [eventTypes.notificationGap], summary: 'A time in which notifications may have been lost', value: notificationGapValue },
  { name: 'send', topic: topics.sends, types: [eventTypes.send], summary: 'Values that a device sent on its own account', value: reportValue },
  { name: 'commandResult', topic: topics.commandResults, types: [eventTypes.commandResult], summary: 'The end of a command, or why it was not taken', value: commandResultValue },
  { name: 'command', topic: topics.commands, types: [commandEventType], summary: 'A command to a device', value: commandValue, byCallers: true },
  { name: 'job', topic: topics.jobs, types: [eventTypes.jobChanged], summary: 'A job in its new state', value: jobView },
  { name: 'firmware', topic: topics.firmware, types: [eventTypes.firmwareChanged], summary: 'The update of a device in its new stage', value: firmwareChangedValue },
  { name: 'campaign', topic: topics.firmware, types: [eventTypes.campaignChanged], summary: 'A campaign in its new state', value: campaignView },
  { name: 'software', topic: topics.firmware, types: [eventTypes.softwareChanged], summary: 'A software of a device in its new stage', value: softwareChangedValue },
  { name: 'bootstrap', topic: topics.bootstrap, types: [eventTypes.bootstrapEnded], summary: 'A bootstrap session that is over, without its steps', value: bootstrapEndedValue },
  {
    name: 'certificate', topic: topics.bootstrap, types: [eventTypes.certificateIssued, eventTypes.certificateRenewed, eventTypes.certificateRevoked, eventTypes.certificateDue],
    summary: "A device's certificate was issued, renewed or revoked, or is about to end", value: certificateValue,
  },
  { name: 'audit', topic: topics.audit, types: [eventTypes.audited], summary: 'A request that changed or commanded something, or was refused', value: auditValue },
];

/** CloudEvents attributes as Kafka headers: binary mode, Kafka binding 1.0.2 §3.2. */
function headersOf({ types, byCallers }: Message): Json {
  const text = (description: string) => ({ type: 'string', description });
  const ours = byCallers === true ? { ce_tenant: text('only a device of this tenant'), authorization: text('key or token of the caller, where it is asked for') } : {
    ce_subject: text('the endpoint, which is the key too'),
    ce_worker: text('the worker that told it'),
    ce_tenant: text('whose device it is'),
    ce_generation: text('counts the registrations of the device'),
    ce_fence: text('counts the owners of its path'),
    ce_sessionversion: text('counts the changes of its session'),
  };
  return {
    type: 'object',
    properties: {
      ce_specversion: { const: '1.0' },
      ce_id: text('with ce_source, equal ids are one event'),
      ce_source: text('URI reference'),
      ce_type: { enum: types },
      ce_time: { type: 'string', format: 'date-time' },
      'content-type': { enum: ['application/json', 'application/cbor'] },
      ...ours,
    },
    required: ['ce_specversion', 'ce_id', 'ce_source', 'ce_type', 'content-type'],
  };
}

function messageOf(message: Message): Json {
  const { $schema: _, ...payload } = z.toJSONSchema(message.value, { io: 'input' }) as Json;
  return {
    name: message.name,
    title: message.summary,
    contentType: 'application/json',
    headers: headersOf(message),
    payload,
    bindings: { kafka: { key: { type: 'string' } } },
  };
}

const channelOf = (topic: Topic) => topic.replaceAll(/[.-]/g, '_');

function channelsAndOperations(): { channels: Json; operations: Json } {
  const [channels, operations]: [Json, Json] = [{}, {}];
  for (const [topic, messages] of Map.groupBy(eventMessages, (message) => message.topic)) {
    const id = channelOf(topic);
    const named = Object.fromEntries(messages.map(({ name }) => [name, { $ref: `#/components/messages/${name}` }]));
    channels[id] = { address: topic, messages: named };
    operations[id] = {
      action: messages[0]?.byCallers === true ? 'receive' : 'send',
      channel: { $ref: `#/channels/${id}` },
      messages: messages.map(({ name }) => ({ $ref: `#/channels/${id}/messages/${name}` })),
    };
  }
  return { channels, operations };
}

/** The whole document. `version` is the version of the API's software. */
export function asyncApiDocument(version: string): Json {
  return {
    asyncapi: '3.0.0',
    info: {
      title: 'LwM2M server',
      version,
      description: 'What devices tell and what becomes of commands, as CloudEvents on Kafka. Delivery is at least once; equal ids are one event.',
      license: { name: 'Apache-2.0' },
    },
    defaultContentType: 'application/json',
    ...channelsAndOperations(),
    components: { messages: Object.fromEntries(eventMessages.map((message) => [message.name, messageOf(message)])) },
  };
}
