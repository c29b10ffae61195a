import { createVirtualClock, type VirtualClock } from '@holdfast/api/testing/virtual-clock.ts';
import type { Random } from '../ports/clock.ts';
import type { Log } from '../ports/log.ts';
import type { ApiResponse } from './handler.ts';
import { type ApiServer, type ApiServerOptions, startApiServer } from './server.ts';
import { isObject, type Json, type JsonObject } from './types.ts';

export const ADMIN_TOKEN = 'admin-token';
export const TOKENS = `${ADMIN_TOKEN},admin,1,"system:masters"
agent-a-token,holdfast:agent:a,2,holdfast:agents
nobody-token,nobody,3,
`;

/** Says nothing, keeps what was warned of. */
export function silentLog(lines: string[] = []): Log {
  const log: Log = {
    debug: () => undefined,
    info: () => undefined,
    warn: (message) => lines.push(message),
    error: (message, fields) =>
      lines.push(`${message} ${fields?.err instanceof Error ? (fields.err.stack ?? '') : ''}`),
    child: () => log,
  };
  return log;
}

/** The same sequence in every run. */
export function countingRandom(): Random {
  let state = 1;
  let serial = 0;
  const next = (): number => {
    state = (state * 48_271) % 2_147_483_647;
    return state / 2_147_483_647;
  };
  const hex = (bytes: number): string =>
    Array.from({ length: bytes }, () =>
      Math.floor(next() * 256)
        .toString(16)
        .padStart(2, '0'),
    ).join('');
  return {
    next,
    hex,
    uuid: () => {
      serial += 1;
      return `00000000-0000-4000-8000-${String(serial).padStart(12, '0')}`;
    },
  };
}

export interface Answer {
  readonly status: number;
  readonly headers: Readonly<Record<string, string>>;
  readonly body: JsonObject;
}

export interface CallOptions {
  readonly type?: string;
  readonly accept?: string;
  readonly token?: string;
  readonly headers?: Record<string, string>;
}

/** A watch whose events are kept. */
export interface TestWatch {
  readonly events: { type: string; object: JsonObject }[];
  readonly ended: boolean;
  readonly aborted: boolean;
  /** Pretends that the client has stopped reading. */
  stall(bytes: number): void;
  stop(): void;
}

export interface TestApi {
  readonly server: ApiServer;
  readonly clock: VirtualClock;
  readonly warnings: string[];
  call(method: string, path: string, body?: Json, options?: CallOptions): Promise<Answer>;
  raw(method: string, path: string, body?: string | Buffer, options?: CallOptions): Promise<ApiResponse>;
  watch(path: string, options?: CallOptions): Promise<TestWatch>;
  /** Lets everything that is ready run. */
  settle(): Promise<void>;
  close(): Promise<void>;
}

/** A server on virtual time whose handler is called without sockets. */
export async function startTestApi(options: Partial<ApiServerOptions> = {}): Promise<TestApi> {
  const clock = createVirtualClock();
  const warnings: string[] = [];
  const server = await startApiServer({
    database: ':memory:',
    listen: { host: '127.0.0.1', port: 0 },
    tokens: { csv: TOKENS },
    log: silentLog(warnings),
    clock,
    random: countingRandom(),
    ...options,
  });
  const raw: TestApi['raw'] = (method, path, body = '', call = {}) =>
    server.handler.handle({
      method,
      url: path,
      body,
      headers: {
        authorization: `Bearer ${call.token ?? ADMIN_TOKEN}`,
        'user-agent': 'tester/1.0',
        'content-type': call.type ?? 'application/json',
        accept: call.accept ?? 'application/json',
        ...call.headers,
      },
    });
  return {
    server,
    clock,
    warnings,
    raw,
    async call(method, path, body, call) {
      const answer = await raw(method, path, body === undefined ? '' : JSON.stringify(body), call);
      const parsed = JSON.parse(answer.body.toString()) as Json;
      return { status: answer.status, headers: answer.headers, body: isObject(parsed) ? parsed : { value: parsed } };
    },
    async watch(path, call) {
      const answer = await raw('GET', path, '', call);
      return collect(answer);
    },
    async settle() {
      for (let round = 0; round < 6; round += 1) await clock.settle();
    },
    close: () => server.close(),
  };
}

function collect(answer: ApiResponse): TestWatch {
  const events: TestWatch['events'] = [];
  const state = { ended: false, aborted: false, unread: 0 };
  if (answer.stream === undefined) throw new Error(`not a watch: ${answer.status} ${answer.body.toString()}`);
  const stop = answer.stream({
    write: (chunk) => {
      for (const line of chunk.toString().split('\n')) {
        if (line !== '') events.push(JSON.parse(line) as TestWatch['events'][number]);
      }
    },
    buffered: () => state.unread,
    end: () => {
      state.ended = true;
    },
    abort: () => {
      state.aborted = true;
    },
  });
  return {
    events,
    get ended() {
      return state.ended;
    },
    get aborted() {
      return state.aborted;
    },
    stall: (bytes) => {
      state.unread = bytes;
    },
    stop,
  };
}

/** Reads a dotted path of an answer. */
export function at(value: Json | undefined, path: string): Json | undefined {
  let current = value;
  for (const part of path.split('.')) {
    if (Array.isArray(current)) current = current[Number(part)];
    else current = isObject(current) ? current[part] : undefined;
  }
  return current;
}

export const VOLUMES = '/apis/holdfast.storage/v1alpha1/volumes';
export const REPLICAS = '/apis/holdfast.storage/v1alpha1/replicas';
export const POOLS = '/apis/holdfast.storage/v1alpha1/pools';
export const NODES = '/apis/holdfast.storage/v1alpha1/nodes';
export const GIB = 2 ** 30;

export function aVolume(name: string, more: { spec?: JsonObject; metadata?: JsonObject } = {}): JsonObject {
  return {
    apiVersion: 'holdfast.storage/v1alpha1',
    kind: 'Volume',
    metadata: { name, ...more.metadata },
    spec: { sizeBytes: GIB, ...more.spec },
  };
}
