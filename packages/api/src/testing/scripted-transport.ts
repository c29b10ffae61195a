import type { Transport, TransportRequest, TransportResponse } from '../client/ports.ts';

/** One side of a connection that a test plays by hand. */
export interface ScriptedStream {
  readonly body: AsyncIterable<Uint8Array | string>;
  /** Sends text as it is: whole lines, or parts of them. */
  write(text: string | Uint8Array): void;
  /** Sends one watch event. */
  event(type: string, object: object): void;
  /** The server ends the answer. */
  end(): void;
  /** The connection breaks. */
  cut(message?: string): void;
  /** The client has left. */
  readonly released: boolean;
}

export function createStream(signal?: AbortSignal): ScriptedStream {
  const chunks: (string | Uint8Array)[] = [];
  let ending: { error?: Error } | undefined;
  let released = false;
  let wake: () => void = () => {};
  signal?.addEventListener('abort', () => wake());

  async function* read(): AsyncGenerator<string | Uint8Array> {
    try {
      for (;;) {
        const chunk = chunks.shift();
        if (chunk !== undefined) {
          yield chunk;
          continue;
        }
        if (signal?.aborted === true) throw signal.reason;
        if (ending?.error !== undefined) throw ending.error;
        if (ending !== undefined) return;
        await new Promise<void>((resolve) => {
          wake = resolve;
        });
      }
    } finally {
      released = true;
    }
  }

  function write(text: string | Uint8Array): void {
    chunks.push(text);
    wake();
  }

  return {
    body: read(),
    write,
    event: (type, object) => write(`${JSON.stringify({ type, object })}\n`),
    end: () => {
      ending = {};
      wake();
    },
    cut: (message = 'read ECONNRESET') => {
      ending = { error: new Error(message) };
      wake();
    },
    get released() {
      return released || signal?.aborted === true;
    },
  };
}

export type Answer = (request: TransportRequest) => Promise<TransportResponse> | TransportResponse;

/** A transport that answers from a function and remembers what it was asked. */
export function createScriptedTransport(answer: Answer): Transport & { readonly requests: TransportRequest[] } {
  const requests: TransportRequest[] = [];
  return {
    requests,
    async send(request) {
      requests.push(request);
      return answer(request);
    },
  };
}

/** An answer with a JSON body. */
export function jsonAnswer(status: number, body: unknown, headers: Record<string, string> = {}): TransportResponse {
  const text = typeof body === 'string' ? body : JSON.stringify(body);
  return { status, headers, body: oneChunk(text) };
}

async function* oneChunk(text: string): AsyncGenerator<string> {
  yield text;
}

/** A Kubernetes Status body. */
export function statusAnswer(
  code: number,
  reason: string,
  message: string,
  details?: object,
  headers?: Record<string, string>,
): TransportResponse {
  const body = { kind: 'Status', apiVersion: 'v1', metadata: {}, status: 'Failure', message, reason, code, details };
  return jsonAnswer(code, body, headers);
}
