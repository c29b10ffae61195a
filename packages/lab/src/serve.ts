/** Serves a lab's verbs on a unix socket. */
import { createServer, type Server, type Socket } from 'node:net';
import { AppError } from '@holdfast/api/errors.ts';
import {
  decodeValue,
  encodeValue,
  type Input,
  METHODS,
  type Request,
  readLines,
  sendLine,
  toWireError,
} from './rpc.ts';
import type { ExecOptions, ExecProcess, Lab, TimelineEvent } from './types.ts';

/** A lab whose timeline can be followed. */
export interface ServedLab extends Lab {
  subscribe(listener: (event: TimelineEvent) => void): () => void;
}

/** Starts to serve. `onDestroy` is called after a client had the lab destroyed. */
export async function serveLab(lab: ServedLab, path: string, onDestroy: () => void): Promise<Server> {
  const server = createServer((socket) => {
    socket.on('error', () => undefined); // The client went away.
    let inputs: ((input: Input) => void) | undefined;
    let started = false;
    readLines(socket, (value) => {
      if (started) {
        inputs?.(value as Input);
        return;
      }
      started = true;
      answer(lab, socket, value as Request, (handler) => {
        inputs = handler;
      }).then(
        (result) => {
          sendLine(socket, { result: encodeValue(result) ?? null });
          socket.end();
          if ((value as Request).method === 'destroy') onDestroy();
        },
        (error: unknown) => {
          sendLine(socket, { error: toWireError(error) });
          socket.end();
        },
      );
    });
  });
  const { promise, resolve, reject } = Promise.withResolvers<void>();
  server.once('error', reject);
  server.listen(path, resolve);
  await promise;
  return server;
}

async function answer(
  lab: ServedLab,
  socket: Socket,
  request: Request,
  onInput: (handler: (input: Input) => void) => void,
): Promise<unknown> {
  const { target, method } = request;
  const args = request.args.map(decodeValue);
  if (target.kind === 'node' && method === 'exec') return await execFor(lab, socket, target.node, args, onInput);
  if (target.kind === 'lab' && method === 'follow') return await follow(lab, socket);
  if (!METHODS[target.kind].includes(method))
    throw new AppError('unimplemented', `a lab's ${target.kind} has no '${method}'`);
  const object = targetOf(lab, target);
  const found: unknown = Reflect.get(object, method);
  if (typeof found !== 'function') throw new AppError('internal', `'${method}' is not a function`);
  return await Reflect.apply(found, object, args);
}

function targetOf(lab: Lab, target: Request['target']): object {
  switch (target.kind) {
    case 'lab':
      return lab;
    case 'node':
      return lab.node(target.node);
    case 'daemon':
      return lab.node(target.node).daemon(target.daemon);
    case 'host':
      return lab.host(target.host);
    default:
      return target satisfies never;
  }
}

async function execFor(
  lab: Lab,
  socket: Socket,
  node: string,
  args: readonly unknown[],
  onInput: (handler: (input: Input) => void) => void,
): Promise<unknown> {
  const [argv, options] = args as [readonly string[], ExecOptions];
  const waiting: Input[] = [];
  let child: ExecProcess | undefined;
  const apply = (input: Input): void => {
    if (child === undefined) waiting.push(input);
    else if ('stdin' in input) child.write(Buffer.from(input.stdin, 'base64'));
    else if ('end' in input) child.endInput();
    else child.kill(input.kill);
  };
  onInput(apply);
  child = await lab.node(node).spawn(argv, {
    ...options,
    onStdout: (chunk) => void sendLine(socket, { out: chunk.toString('base64') }),
    onStderr: (chunk) => void sendLine(socket, { err: chunk.toString('base64') }),
  });
  sendLine(socket, { started: child.pid });
  for (const input of waiting) apply(input);
  // Whoever asked went away (Ctrl-C): what it ran ends too.
  socket.once('close', () => child.kill('SIGKILL'));
  return await child.result;
}

/** Sends the timeline so far and every later event, until the client goes away. */
async function follow(lab: ServedLab, socket: Socket): Promise<undefined> {
  const { promise, resolve } = Promise.withResolvers<undefined>();
  for (const event of await lab.timeline()) sendLine(socket, { event });
  const stop = lab.subscribe((event) => void sendLine(socket, { event }));
  socket.once('close', () => resolve(undefined));
  await promise;
  stop();
  return undefined;
}
