import type { Transport } from '@holdfast/api/client/ports.ts';
import type { Exec } from '../../ports/exec.ts';
import type { Files } from '../../ports/files.ts';

/** A moment just before or just after something in the world was changed. */
export interface SideEffectPoint {
  /** Counts points from 1; before and after are two points. */
  readonly number: number;
  readonly phase: 'before' | 'after';
  /** What is done: argv, or the file operation and its path. */
  readonly what: string;
}

/** Called at each point and awaited. A hook that never settles stops that flow for good, as a crash would. */
export type SideEffectHook = (point: SideEffectPoint) => void | Promise<void>;

/**
 * Decorates the ports that change the world so that a test can stop the agent at every single point between two side
 * effects (INV-8). Calls marked `sideEffect: false` are no points. All decorators of one instance share one count.
 */
export class SideEffects {
  #count = 0;
  readonly #hook: SideEffectHook;

  constructor(hook: SideEffectHook) {
    this.#hook = hook;
  }

  async #around<T>(what: string, action: () => Promise<T>): Promise<T> {
    await this.#point('before', what);
    const result = await action();
    await this.#point('after', what);
    return result;
  }

  async #point(phase: SideEffectPoint['phase'], what: string): Promise<void> {
    this.#count += 1;
    await this.#hook({ number: this.#count, phase, what });
  }

  exec(exec: Exec): Exec {
    return {
      run: (request) =>
        request.sideEffect === false
          ? exec.run(request)
          : this.#around(request.argv.join(' '), () => exec.run(request)),
      lines: (request) => exec.lines(request),
    };
  }

  /** Writes to Volumes and Replicas are side effects like any other; heartbeats, Events and Node reports are left out. */
  transport(transport: Transport): Transport {
    return {
      send: (request) =>
        request.method === 'GET' || !/\/(volumes|replicas)(\/|\?|$)/.test(request.path)
          ? transport.send(request)
          : this.#around(`${request.method} ${request.path}`, () => transport.send(request)),
    };
  }

  files(files: Files): Files {
    return {
      read: (path) => files.read(path),
      list: (dir) => files.list(dir),
      readlink: (path) => files.readlink(path),
      watch: (dir, signal) => files.watch(dir, signal),
      write: (path, content, mode) => this.#around(`write ${path}`, () => files.write(path, content, mode)),
      writeKernel: (path, content) => this.#around(`write ${path}`, () => files.writeKernel(path, content)),
      remove: (path) => this.#around(`remove ${path}`, () => files.remove(path)),
      symlink: (target, path) => this.#around(`symlink ${path}`, () => files.symlink(target, path)),
      mkdir: (path, mode) => this.#around(`mkdir ${path}`, () => files.mkdir(path, mode)),
    };
  }
}

/** Deaths that are remembered: as many as a step has side effects that begin again from its start. */
const REMEMBERED = 4;

/**
 * Ends the process the hard way right after the first side effect of its life. A supervisor starts it again, so one run
 * of the work dies once between every two side effects. The points of the last few deaths are passed once each, or a step
 * of several side effects that begins again from its start would never get to its end. `die` keeps `deaths` for the next
 * life and must not return.
 */
export function dieAfterEach(options: {
  readonly deaths: readonly string[];
  readonly die: (what: string, deaths: readonly string[]) => void;
}): SideEffectHook {
  const passes = new Set(options.deaths);
  return (point) => {
    if (point.phase === 'before' || passes.delete(point.what)) return undefined;
    options.die(point.what, [point.what, ...options.deaths].slice(0, REMEMBERED));
    // Nothing of this flow may run any more, even if the kill takes a moment to arrive.
    return new Promise<void>(() => {});
  };
}
