import { DRIVER_NAME } from './driver.ts';
import type { IdentityMethods } from './gen/csi.ts';

export interface IdentityOptions {
  readonly version: string;
  /** May calls be served now? Not ready is an answer, not an error. */
  readonly ready: () => boolean;
}

/** csi.v1.Identity. The same in every process of the driver. */
export function identityMethods(options: IdentityOptions): IdentityMethods {
  return {
    async getPluginInfo() {
      return { name: DRIVER_NAME, vendorVersion: options.version };
    },
    async getPluginCapabilities() {
      return {
        capabilities: [
          // Of the driver as a whole: the node's process says so too.
          { service: { type: 'CONTROLLER_SERVICE' } },
          { service: { type: 'VOLUME_ACCESSIBILITY_CONSTRAINTS' } },
          { volumeExpansion: { type: 'ONLINE' } },
        ],
      };
    },
    async probe() {
      return { ready: { value: options.ready() } };
    },
  };
}
