import type { JsonObject } from './types.ts';

export const OPENAPI_V2_PROTO = 'application/com.github.proto-openapi.spec.v2@v1.0+protobuf';

export function openApiV2Proto(document: JsonObject): Buffer {
  return Buffer.from(JSON.stringify(document));
}
