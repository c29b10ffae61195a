import { AppError } from '@holdfast/api/errors.ts';
import type { DrbdConfig, DrbdEndpoint } from '../../ports/drbd.ts';

/**
 * What every resource file of ours starts with, for both dialects, and the checks on what goes into one. The first line
 * is for the fence helper (a shell script), the second is what this adapter has to know about a resource after a
 * restart: which replica a peer is. No secret in either.
 */
export interface ConfigHeader {
  readonly resource: string;
  readonly minor: number;
  readonly self: DrbdEndpoint;
  readonly peers: readonly DrbdEndpoint[];
}

const NAME = /^[A-Za-z0-9][A-Za-z0-9._-]{0,126}$/;
const DEVICE_PATH = /^\/[A-Za-z0-9._+/@:-]+$/;
/** The kernel takes 64 bytes; drbdadm's quoting is not worth trusting with more than these. */
const SECRET = /^[A-Za-z0-9_-]{16,64}$/;

function refuse(field: string, value: unknown, remedy: string): never {
  throw new AppError('invalid_argument', `${field} cannot be written to a DRBD resource file: ${remedy}`, {
    details: { field, ...(value === undefined ? {} : { value }), remedy },
  });
}

function checkEndpoint(field: string, endpoint: DrbdEndpoint): void {
  if (!NAME.test(endpoint.node)) refuse(`${field}.node`, endpoint.node, 'use the host name (uname -n)');
  if (!NAME.test(endpoint.replica)) refuse(`${field}.replica`, endpoint.replica, 'use a replica name');
  if (!/^[0-9A-Fa-f.:]+$/.test(endpoint.address)) refuse(`${field}.address`, endpoint.address, 'use an IP address');
  if (!Number.isInteger(endpoint.port) || endpoint.port < 1 || endpoint.port > 65535)
    refuse(`${field}.port`, endpoint.port, 'use a port from 1 to 65535');
}

/** @throws AppError `invalid_argument` naming the field; never shows the secret. */
export function checkConfig(config: DrbdConfig): void {
  if (!NAME.test(config.resource)) refuse('resource', config.resource, 'use letters, digits, dot, dash, underscore');
  if (!Number.isInteger(config.minor) || config.minor < 0 || config.minor >= 2 ** 20)
    refuse('minor', config.minor, 'use a minor from 0 to 1048575');
  for (const [field, path] of [
    ['disk', config.disk],
    ['metaDisk', config.metaDisk],
  ] as const) {
    if (path !== undefined && !DEVICE_PATH.test(path)) refuse(field, path, 'use an absolute device path');
  }
  if ((config.disk === undefined) !== (config.metaDisk === undefined))
    refuse('metaDisk', config.metaDisk, 'give both disk and metaDisk, or none for a diskless replica');
  if (!SECRET.test(config.sharedSecret)) refuse('sharedSecret', undefined, 'use 16 to 64 letters, digits, - or _');
  checkEndpoint('self', config.self);
  config.peers.forEach((peer, index) => {
    checkEndpoint(`peers[${index}]`, peer);
  });
}

/** `ipv4` or `ipv6` address in DRBD's notation. */
export function drbdAddress(endpoint: { readonly address: string; readonly port: number }): string {
  return endpoint.address.includes(':')
    ? `ipv6 [${endpoint.address}]:${endpoint.port}`
    : `ipv4 ${endpoint.address}:${endpoint.port}`;
}

export function renderHeader(config: DrbdConfig): string {
  const endpoint = (it: DrbdEndpoint): DrbdEndpoint => ({
    replica: it.replica,
    node: it.node,
    nodeId: it.nodeId,
    address: it.address,
    port: it.port,
    minor: it.minor,
    diskless: it.diskless,
  });
  const header: ConfigHeader = {
    resource: config.resource,
    minor: config.minor,
    self: endpoint(config.self),
    peers: config.peers.map(endpoint),
  };
  return `# holdfast minor ${config.minor}\n# ${JSON.stringify(header)}\n# Written by Holdfast; changes are overwritten.\n`;
}

/** `undefined` when the text is not a file of ours (or from a future version): peers are then reported without replica names. */
export function parseHeader(text: string): ConfigHeader | undefined {
  const line = text.split('\n')[1];
  if (!text.startsWith('# holdfast minor ') || line === undefined || !line.startsWith('# {')) return undefined;
  try {
    const value = JSON.parse(line.slice(2)) as Partial<ConfigHeader>;
    if (typeof value.resource !== 'string' || typeof value.minor !== 'number') return undefined;
    if (typeof value.self !== 'object' || !Array.isArray(value.peers)) return undefined;
    return { resource: value.resource, minor: value.minor, self: value.self, peers: value.peers };
  } catch {
    return undefined;
  }
}
