import type { Log } from '../../ports/log.ts';
import { DRIVER_NAME } from './driver.ts';
import type { RegistrationMethods } from './gen/pluginregistration.ts';

/** Versions of the CSI API that the kubelet may use; it knows them by the major number. */
const SUPPORTED = ['1.0.0'];

export interface RegistrationOptions {
  /** Where the kubelet finds the node service: a path of the host. */
  readonly endpoint: string;
  readonly log: Log;
  /** Told whenever the kubelet has said whether it accepts the driver. */
  readonly onStatus: (registered: boolean) => void;
}

/** pluginregistration.Registration, v1: the kubelet finds the socket in its plugins_registry and asks who is there. */
export function registrationMethods(options: RegistrationOptions): RegistrationMethods {
  return {
    async getInfo() {
      return { type: 'CSIPlugin', name: DRIVER_NAME, endpoint: options.endpoint, supportedVersions: SUPPORTED };
    },
    async notifyRegistrationStatus(status) {
      if (status.pluginRegistered) options.log.info('registered with the kubelet', { op: options.endpoint });
      else options.log.error('the kubelet refused the driver', { reason: status.error });
      options.onStatus(status.pluginRegistered);
      return {};
    },
  };
}
