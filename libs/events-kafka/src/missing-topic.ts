/** What kafkajs throws when Kafka does not have a topic. */
const UNKNOWN_TOPIC = 'UNKNOWN_TOPIC_OR_PARTITION';

/** Whether Kafka said that a topic is not there, at whatever depth of the error. */
export function isMissingTopic(error: unknown): boolean {
  for (let cause = error; cause instanceof Error; cause = cause.cause) {
    if ((cause as { type?: string }).type === UNKNOWN_TOPIC) return true;
  }
  return false;
}
