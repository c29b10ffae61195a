import { SYSTEM_NAMESPACE } from '@holdfast/api/schema/core.ts';
import type { User } from './authn.ts';
import { isObject, type Json, jsonEqual, type KubeObject } from './types.ts';

export type Verb = 'get' | 'list' | 'watch' | 'create' | 'update' | 'patch' | 'delete' | 'deletecollection';

/** What a request is about, before any object is read. */
export interface Attributes {
  readonly verb: Verb;
  readonly group: string;
  readonly plural: string;
  readonly subresource: string;
  readonly namespace: string;
  readonly name: string;
}

/** A write with the object before and after it. */
export interface WriteAttributes extends Attributes {
  readonly old: KubeObject | undefined;
  readonly new: KubeObject | undefined;
}

/** undefined allows; a text says why not and what would help. */
export type Decision = string | undefined;

export const ADMINS = 'system:masters';
export const AGENTS = 'holdfast:agents';
const AGENT_PREFIX = 'holdfast:agent:';
const GROUP = 'holdfast.storage';
/** The one Secret that every agent shares: the key of DRBD's shared secrets. */
const REPLICATION_SECRET = 'replication';

function agentNode(user: User): string | undefined {
  return user.groups.includes(AGENTS) && user.name.startsWith(AGENT_PREFIX)
    ? user.name.slice(AGENT_PREFIX.length)
    : undefined;
}

const READS: ReadonlySet<Verb> = new Set(['get', 'list', 'watch']);

/** The first gate: may this user ask this at all? Pure. */
export function authorize(user: User, request: Attributes): Decision {
  if (user.groups.includes(ADMINS)) return undefined;
  const node = agentNode(user);
  const subject = `user "${user.name}" cannot ${request.verb} resource "${request.plural}${request.subresource === '' ? '' : `/${request.subresource}`}" in API group "${request.group}"`;
  if (node === undefined) return `${subject}; use a token of group ${ADMINS}`;
  if (request.group === GROUP) {
    if (READS.has(request.verb)) return undefined;
    if (request.plural === 'nodes' && request.name === node && ['update', 'patch'].includes(request.verb))
      return undefined;
    if (request.plural === 'nodes' && request.verb === 'create') return undefined;
    if (['replicas', 'volumes'].includes(request.plural) && ['update', 'patch'].includes(request.verb))
      return undefined;
  }
  if (request.plural === 'events' && request.group === '' && ['create', 'patch', 'update'].includes(request.verb))
    return undefined;
  if (request.plural === 'leases' && request.group === 'coordination.k8s.io') {
    if (READS.has(request.verb)) return undefined;
    if (request.verb === 'create') return undefined;
    if (request.name === `node-${node}` && ['update', 'patch'].includes(request.verb)) return undefined;
  }
  if (request.plural === 'secrets' && request.group === '' && request.namespace === SYSTEM_NAMESPACE) {
    if (request.verb === 'create' || (request.verb === 'get' && request.name === REPLICATION_SECRET)) return undefined;
  }
  if (request.plural === 'namespaces' && READS.has(request.verb)) return undefined;
  return `${subject}: the agent of node ${node} may only write what belongs to its node`;
}

function part(object: KubeObject | undefined, key: string): { [key: string]: Json | undefined } {
  const value = object?.[key];
  return isObject(value) ? value : {};
}

/** Keys of two objects whose values differ. */
function changedKeys(a: { [key: string]: Json | undefined }, b: { [key: string]: Json | undefined }): string[] {
  return [...new Set([...Object.keys(a), ...Object.keys(b)])].filter((key) => !jsonEqual(a[key], b[key]));
}

/** Metadata that an agent may change: finalizers, when it has done its part of a deletion. */
function metadataChanges(write: WriteAttributes): string[] {
  return changedKeys(write.old?.metadata ?? {}, write.new?.metadata ?? {}).filter(
    (key) => !['finalizers', 'resourceVersion', 'managedFields', 'generation'].includes(key),
  );
}

/** The second gate, with the objects at hand: an agent writes only what belongs to its node. Pure. */
export function authorizeWrite(user: User, write: WriteAttributes): Decision {
  if (user.groups.includes(ADMINS)) return undefined;
  const node = agentNode(user);
  if (node === undefined) return `use a token of group ${ADMINS}`;
  const only = (what: string): string => `the agent of node ${node} may only write ${what}`;
  const name = (write.new ?? write.old)?.metadata.name;
  if (write.group === GROUP) {
    const nothingElse =
      metadataChanges(write).length === 0 && changedKeys(part(write.old, 'spec'), part(write.new, 'spec')).length === 0;
    if (write.plural === 'nodes') {
      if (name !== node) return only(`Node ${node}`);
      return write.verb === 'create' || nothingElse ? undefined : only('the status of its Node');
    }
    if (write.plural === 'replicas') {
      if (part(write.old, 'spec')['node'] !== node) return only('replicas on its own node');
      return nothingElse ? undefined : only('the status and finalizers of a replica');
    }
    if (write.plural === 'volumes') {
      const wrong = changedKeys(part(write.old, 'status'), part(write.new, 'status')).filter(
        (key) => key !== 'arbiter' && key !== 'format',
      );
      const finalizers = jsonEqual(write.old?.metadata.finalizers, write.new?.metadata.finalizers);
      return nothingElse && wrong.length === 0 && finalizers
        ? undefined
        : only('status.arbiter and status.format of a volume');
    }
  }
  if (write.plural === 'leases') return name === `node-${node}` ? undefined : only(`Lease node-${node}`);
  if (write.plural === 'events') return undefined;
  if (write.plural === 'secrets') return name === REPLICATION_SECRET ? undefined : only(`Secret ${REPLICATION_SECRET}`);
  return only('what belongs to its node');
}
