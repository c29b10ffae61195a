// Generated from pluginregistration.proto by scripts/proto-types.ts. Do not edit.
import type { Method } from '../method.ts';

/** int64: decimal digits, because a number of JavaScript would lose some of them. */
export type Int64 = string;

export type InfoRequest = Record<never, never>;

export interface PluginInfo {
  type: string;
  name: string;
  endpoint: string;
  supportedVersions: string[];
}

export interface RegistrationStatus {
  pluginRegistered: boolean;
  error: string;
}

export type RegistrationStatusResponse = Record<never, never>;

export const RegistrationService = {
  getInfo: {
    path: '/pluginregistration.Registration/GetInfo',
    request: 'pluginregistration.InfoRequest',
    response: 'pluginregistration.PluginInfo',
  },
  notifyRegistrationStatus: {
    path: '/pluginregistration.Registration/NotifyRegistrationStatus',
    request: 'pluginregistration.RegistrationStatus',
    response: 'pluginregistration.RegistrationStatusResponse',
  },
} as const;

export interface RegistrationMethods {
  getInfo: Method<InfoRequest, PluginInfo>;
  notifyRegistrationStatus: Method<RegistrationStatus, RegistrationStatusResponse>;
}

/** The definition, for protobufjs. */
export const DEFINITION: string = '{"nested":{"pluginregistration":{"nested":{"Registration":{"methods":{"GetInfo":{"requestType":"InfoRequest","responseType":"PluginInfo"},"NotifyRegistrationStatus":{"requestType":"RegistrationStatus","responseType":"RegistrationStatusResponse"}}},"InfoRequest":{"fields":{}},"PluginInfo":{"fields":{"type":{"type":"string","id":1},"name":{"type":"string","id":2},"endpoint":{"type":"string","id":3},"supportedVersions":{"rule":"repeated","type":"string","id":4}}},"RegistrationStatus":{"fields":{"pluginRegistered":{"type":"bool","id":1},"error":{"type":"string","id":2}}},"RegistrationStatusResponse":{"fields":{}}}}}}';
