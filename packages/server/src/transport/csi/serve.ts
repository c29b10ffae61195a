import { AppError } from '@holdfast/api/errors.ts';
import type { Clock } from '../../ports/clock.ts';
import type { Log } from '../../ports/log.ts';
import type { RpcAnswer, RpcCall, RpcMethod } from '../../ports/rpc.ts';
import type { Codec, MethodPath } from './codec.ts';
import type { Call, Reply } from './method.ts';
import { failureOf, scrub } from './status.ts';

/** An answer leaves this long before the client's deadline, so that it arrives: milliseconds. */
const MARGIN_MS = 400;
/** Without a deadline the client gets an answer, be it "not yet", after this long: milliseconds. */
const DEFAULT_PATIENCE_MS = 120_000;

export interface ServeDeps {
  readonly clock: Clock;
  readonly log: Log;
}

/** Methods of one service, by their names in the generated table; what is missing is UNIMPLEMENTED. */
type Handlers<Methods> = { readonly [Name in keyof Methods]?: Methods[Name] };

/**
 * Binds methods to their place on the wire. Each call is decoded, logged without its secrets, given a signal that ends in
 * time, and answered; whatever is thrown becomes a status in one place.
 */
export function rpcMethods<Methods>(
  table: Readonly<Record<keyof Methods & string, MethodPath>>,
  codec: Codec,
  handlers: Handlers<Methods>,
  deps: ServeDeps,
): RpcMethod[] {
  const methods: RpcMethod[] = [];
  let calls = 0;
  const nextId = (op: string): string => {
    calls += 1;
    return `${op}-${calls}`;
  };
  for (const name of Object.keys(table) as (keyof Methods & string)[]) {
    const handler = handlers[name];
    if (handler === undefined) continue;
    // The table and the handlers come from the same definition: a name has the same request in both.
    methods.push(bind(table[name], codec, handler as AnyMethod, deps, nextId));
  }
  return methods;
}

type AnyMethod = (request: Record<string, unknown>, call: Call) => Promise<Reply<object>>;

function bind(
  path: MethodPath,
  codec: Codec,
  method: AnyMethod,
  deps: ServeDeps,
  nextId: (op: string) => string,
): RpcMethod {
  return {
    path: path.path,
    async handle(bytes, rpc) {
      const op = path.path.slice(path.path.lastIndexOf('/') + 1);
      const callId = nextId(op);
      const log = deps.log.child({ op, requestId: callId });
      const started = deps.clock.monotonic();
      const { call, end } = callOf(rpc, deps.clock, log, op);
      let secrets: readonly string[] = [];
      let answer: RpcAnswer;
      try {
        const request = codec.decode(path.request, bytes);
        secrets = codec.secretsOf(path.request, request);
        log.debug('call', { request: codec.redact(path.request, request) });
        answer = { ok: true, message: codec.encode(path.response, await method(request, call)) };
      } catch (thrown) {
        answer = failureOf(thrown, callId, secrets);
        report(log, thrown, secrets);
      } finally {
        end();
      }
      log.debug('answer', { status: answer.ok ? 0 : answer.status, durationMs: deps.clock.monotonic() - started });
      return answer;
    },
  };
}

/** Refusals are the client's business and told to it; only what is our own trouble is worth a person's attention. */
function report(log: Log, thrown: unknown, secrets: readonly string[]): void {
  const error = AppError.from(thrown);
  const message = scrub(error.message, secrets);
  // The cause may quote anything, a request with secrets too: then only the text without them is kept.
  const err = secrets.length === 0 ? thrown : undefined;
  if (error.code === 'internal') log.error('call failed', { message, ...(err === undefined ? {} : { err }) });
  else log.info('call refused', { reason: error.code, message });
}

function callOf(rpc: RpcCall, clock: Clock, log: Log, op: string): { call: Call; end: () => void } {
  const now = clock.now();
  const untilMs = (rpc.deadlineMs ?? now + DEFAULT_PATIENCE_MS) - MARGIN_MS;
  const time = new AbortController();
  const cancel = clock.timer(Math.max(0, untilMs - now), () => {
    time.abort(new AppError('deadline_exceeded', `${op}: not finished in time; the work goes on, repeat the call`));
  });
  return {
    call: { signal: AbortSignal.any([rpc.signal, time.signal]), leftMs: () => untilMs - clock.now(), log },
    end: cancel,
  };
}
