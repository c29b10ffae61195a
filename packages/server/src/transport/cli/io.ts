import type { ClusterClient } from '@holdfast/api/client/types.ts';
import type { Clock } from '../../ports/clock.ts';
import type { Files } from '../../ports/files.ts';
import type { ConnectionTarget, ParseKubeconfig } from './connection.ts';

/** The raw streams of the process. */
export interface RawStreams {
  readonly stdin: NodeJS.ReadStream;
  readonly stdout: NodeJS.WriteStream;
  readonly stderr: NodeJS.WriteStream;
}

/** One of the two output streams. */
export interface Terminal {
  write(text: string): void;
  readonly isTty: boolean;
  /** Width in columns; 0 when unknown (a pipe): nothing is cut. */
  readonly columns: number;
}

/** Everything outside that a command may reach. The entry point wires the real one, tests an in-memory one. */
export interface CliIo {
  readonly stdout: Terminal;
  readonly stderr: Terminal;
  readonly env: Readonly<Record<string, string | undefined>>;
  readonly home: string;
  readonly clock: Clock;
  readonly files: Pick<Files, 'read' | 'write' | 'remove'>;
  /** Aborts on Ctrl-C and SIGTERM. */
  readonly signal: AbortSignal;
  /** True when a person can answer a question. */
  readonly interactive: boolean;
  /** One line from the person, without the line end. Only called when {@link interactive}. */
  ask(question: string): Promise<string>;
  readonly parseKubeconfig: ParseKubeconfig;
  /** Opens the API of a cluster. Does not talk to it yet. */
  connect(target: ConnectionTarget): Promise<ClusterClient>;
  /** The raw streams, for programs that run in a node. */
  streams(): RawStreams;
  /** Runs one of the daemons in this process until the signal aborts; resolves with its exit status. */
  daemon(name: 'apiserver' | 'controller' | 'agent', args: readonly string[]): Promise<number>;
}
