import type { Log } from '../../ports/log.ts';

/** One call, as the methods see it. */
export interface Call {
  /** Aborts when the client goes away, when there is no time left, and when the server shuts down. */
  readonly signal: AbortSignal;
  /** Milliseconds that are left for an answer to arrive in time. Asked again each time. */
  leftMs(): number;
  /** Carries the method and the number of the call. */
  readonly log: Log;
}

/** What a method may answer: fields that are left out have the default of their type. */
export type Reply<T> = T extends readonly (infer Item)[]
  ? readonly Reply<Item>[]
  : T extends object
    ? { readonly [Key in keyof T]?: Reply<T[Key]> }
    : T;

/** A unary method. Failures are AppErrors; the server turns their code into one of gRPC. */
export type Method<Request, Response> = (request: Request, call: Call) => Promise<Reply<Response>>;
