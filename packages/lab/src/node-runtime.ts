/** What a node of a running lab is made of; made by lab.ts, used by node.ts. */
import type { Accel } from './accel.ts';
import type { HostPort } from './host-port.ts';
import type { Kernel } from './kernel.ts';
import type { Timeline } from './timeline.ts';
import type { DaemonSpec, LinkPolicy, LinkSelector, NetworkName, NodeInfo } from './types.ts';

export interface NodeRuntime {
  readonly info: NodeInfo;
  readonly allNodes: readonly NodeInfo[];
  readonly labName: string;
  readonly accel: Accel;
  readonly kernel: Kernel;
  readonly rootImage: string;
  readonly appDisk: string;
  readonly memoryMiB: number;
  readonly cpus: number;
  /** Directory of sockets (short path: a unix socket's is limited to 107 bytes). */
  readonly socketDir: string;
  readonly diskDir: string;
  readonly logDir: string;
  readonly timeline: Timeline;
  readonly hostPort: () => HostPort;
  readonly daemons: readonly DaemonSpec[];
  readonly switchSocket: (network: NetworkName) => string;
  readonly setLink: (selector: LinkSelector, policy: LinkPolicy) => Promise<void>;
}
