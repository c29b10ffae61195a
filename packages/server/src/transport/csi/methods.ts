/** The services of one process of the driver, ready for the wire. */
import type { RpcMethod } from '../../ports/rpc.ts';
import { type Codec, createCodec } from './codec.ts';
import type { ControllerDeps } from './controller/deps.ts';
import { controllerMethods } from './controller/service.ts';
import { ControllerService, DEFINITION, IdentityService, NodeService } from './gen/csi.ts';
import * as registration from './gen/pluginregistration.ts';
import { identityMethods } from './identity.ts';
import { type NodeServiceDeps, nodeMethods } from './node/service.ts';
import { type RegistrationOptions, registrationMethods } from './registration.ts';
import { rpcMethods, type ServeDeps } from './serve.ts';

interface ProcessOptions extends ServeDeps {
  readonly version: string;
  readonly ready: () => boolean;
}

export function controllerProcess(options: ProcessOptions, deps: ControllerDeps): RpcMethod[] {
  const codec = createCodec(DEFINITION);
  return [...identity(options, codec), ...rpcMethods(ControllerService, codec, controllerMethods(deps), options)];
}

export function nodeProcess(options: ProcessOptions, deps: NodeServiceDeps): RpcMethod[] {
  const codec = createCodec(DEFINITION);
  return [...identity(options, codec), ...rpcMethods(NodeService, codec, nodeMethods(deps), options)];
}

/** Served on a socket of its own, in the kubelet's plugins_registry. */
export function registrationProcess(deps: ServeDeps, options: RegistrationOptions): RpcMethod[] {
  const codec = createCodec(registration.DEFINITION);
  return rpcMethods(registration.RegistrationService, codec, registrationMethods(options), deps);
}

function identity(options: ProcessOptions, codec: Codec): RpcMethod[] {
  const { version, ready } = options;
  return rpcMethods(IdentityService, codec, identityMethods({ version, ready }), options);
}
