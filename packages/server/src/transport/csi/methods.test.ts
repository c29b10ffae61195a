import assert from 'node:assert/strict';
import { test } from 'node:test';
import { createVirtualClock } from '@holdfast/api/testing/virtual-clock.ts';
import type { Log } from '../../ports/log.ts';
import type { NodeVolumes } from '../../ports/node-volumes.ts';
import { createCodec } from './codec.ts';
import { CONTROLLER_CAPABILITIES } from './controller/service.ts';
import { Exclusive } from './exclusive.ts';
import { DEFINITION } from './gen/pluginregistration.ts';
import { nodeProcess, registrationProcess } from './methods.ts';
import { NODE_CAPABILITIES } from './node/service.ts';

const noLog: Log = { debug() {}, info() {}, warn() {}, error() {}, child: () => noLog };
const clock = createVirtualClock();
const options = { clock, log: noLog, version: '1', ready: () => true };

test('the node’s process serves identity and every call of the node, and nothing of the controller', () => {
  const deps = { node: 'n1', volumes: {} as NodeVolumes, exclusive: new Exclusive(clock) };
  const paths = nodeProcess(options, deps).map((method) => method.path);
  assert.equal(paths.filter((path) => path.startsWith('/csi.v1.Identity/')).length, 3);
  assert.equal(paths.filter((path) => path.startsWith('/csi.v1.Node/')).length, 10);
  assert.equal(paths.length, 13);
});

test('the kubelet’s question goes over the wire and back', async () => {
  const codec = createCodec(DEFINITION);
  const methods = registrationProcess(options, { endpoint: '/host/csi.sock', log: noLog, onStatus: () => undefined });
  assert.deepEqual(
    methods.map((method) => method.path),
    ['/pluginregistration.Registration/GetInfo', '/pluginregistration.Registration/NotifyRegistrationStatus'],
  );
  const call = { signal: new AbortController().signal, deadlineMs: undefined };
  const answer = await methods[0]?.handle(new Uint8Array(0), call);
  assert.ok(answer?.ok === true);
  assert.deepEqual(codec.decode('pluginregistration.PluginInfo', answer.message), {
    type: 'CSIPlugin',
    name: 'csi.holdfast.storage',
    endpoint: '/host/csi.sock',
    supportedVersions: ['1.0.0'],
  });
});

test('several writers on one node is said by both services, and listing health includes getting it', () => {
  assert.ok(CONTROLLER_CAPABILITIES.includes('SINGLE_NODE_MULTI_WRITER'));
  assert.ok(NODE_CAPABILITIES.includes('SINGLE_NODE_MULTI_WRITER'));
  assert.ok(
    !CONTROLLER_CAPABILITIES.includes('LIST_VOLUME_HEALTH') || CONTROLLER_CAPABILITIES.includes('GET_VOLUME_HEALTH'),
  );
});
