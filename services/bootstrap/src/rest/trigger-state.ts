/** Where a bootstrap stands that was asked for: told by its command, by the sessions since, and by the registration after them. */
import type { BootstrapSessionView, BootstrapTrigger, CommandStatus } from '@cluster/contracts';

/** /1/x/9, Bootstrap-Request Trigger. OMA LwM2M Core 1.1, object 1 */
const TRIGGER_PATH = /^\/1\/\d+\/9$/;

/** The newest Execute of a Bootstrap-Request Trigger. */
export function triggerOf(commands: readonly CommandStatus[]): CommandStatus | undefined {
  const triggers = commands.filter(({ op, path }) => op === 'execute' && path !== undefined && TRIGGER_PATH.test(path));
  return triggers.sort((a, b) => (a.acceptedAt < b.acceptedAt ? 1 : -1))[0];
}

/** `sessions`: of the endpoint, the newest first. */
export function triggerState(command: CommandStatus, sessions: readonly BootstrapSessionView[], registeredAt: string | undefined): BootstrapTrigger {
  const base = { requestedAt: command.acceptedAt, commandId: command.id };
  const session = sessions.find(({ startedAt }) => startedAt >= command.acceptedAt);
  if (session !== undefined) return { ...base, ...sessionState(session, registeredAt), sessionId: session.id };
  return { ...base, ...commandState(command) };
}

function sessionState({ outcome, reason, detail, endedAt }: BootstrapSessionView, registeredAt: string | undefined): Pick<BootstrapTrigger, 'state' | 'registeredAt' | 'detail'> {
  if (outcome === 'failed') return { state: 'failed', detail: [reason, detail].filter((part) => part !== undefined).join(': ') };
  if (outcome !== 'finished') return { state: 'asked' };
  const back = registeredAt !== undefined && endedAt !== undefined && registeredAt >= endedAt;
  return back ? { state: 'done', registeredAt } : { state: 'bootstrapped' };
}

/** A device that goes to its bootstrap server at once may leave the Execute unanswered. */
function commandState({ state, response, reason }: CommandStatus): Pick<BootstrapTrigger, 'state' | 'detail'> {
  switch (state) {
    case 'queued':
    case 'in-flight':
      return { state: 'waiting' };
    case 'outcome-unknown':
      return { state: 'asked' };
    case 'done':
      return response?.code.startsWith('2.') === true ? { state: 'asked' } : { state: 'failed', detail: `the device answered ${response?.code ?? 'nothing'}` };
    default:
      return { state: 'failed', detail: reason ?? `the command is ${state}` };
  }
}
