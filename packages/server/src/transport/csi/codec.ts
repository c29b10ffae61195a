import { AppError } from '@holdfast/api/errors.ts';
import protobuf from 'protobufjs/light.js';

/** How a method is found on the wire; the generated `...Service` tables are made of these. */
export interface MethodPath {
  readonly path: string;
  readonly request: string;
  readonly response: string;
}

/** int64 as text and enums by name, as the generated types say; what was not sent has the default of its type. */
const DECODED: protobuf.IConversionOptions = { longs: String, enums: String, defaults: true, oneofs: true };

export interface Codec {
  /** @throws AppError `invalid_argument` when the bytes are not such a message. */
  decode(type: string, bytes: Uint8Array): Record<string, unknown>;
  encode(type: string, message: object): Uint8Array;
  /** A copy for the log, with every field that is marked `csi_secret` taken out, at any depth (INV-9). */
  redact(type: string, message: unknown): unknown;
  /** The values of these fields, to take them out of texts too. */
  secretsOf(type: string, message: unknown): string[];
}

/** @param definition the generated `DEFINITION`. */
export function createCodec(definition: string): Codec {
  const root = protobuf.Root.fromJSON(JSON.parse(definition) as protobuf.INamespace);
  root.resolveAll();
  return {
    decode(type, bytes) {
      const found = root.lookupType(type);
      try {
        return found.toObject(found.decode(bytes), DECODED);
      } catch (cause) {
        throw new AppError('invalid_argument', `the request is not a ${type}: it is truncated or damaged`, { cause });
      }
    },
    encode(type, message) {
      const found = root.lookupType(type);
      return found.encode(found.fromObject(message)).finish();
    },
    redact(type, message) {
      return copy(root.lookupType(type), message, () => '***');
    },
    secretsOf(type, message) {
      const secrets: string[] = [];
      copy(root.lookupType(type), message, (value) => {
        if (typeof value === 'object' && value !== null) secrets.push(...Object.values(value).map(String));
        else secrets.push(String(value));
        return undefined;
      });
      return secrets;
    },
  };
}

function copy(type: protobuf.Type, message: unknown, secret: (value: unknown) => unknown): unknown {
  if (typeof message !== 'object' || message === null) return message;
  const out: Record<string, unknown> = {};
  for (const [name, value] of Object.entries(message)) {
    const field = type.fields[name];
    if (field?.options?.['(csi_secret)'] === true) {
      if (!isEmpty(value)) out[name] = secret(value);
    } else if (field?.resolvedType instanceof protobuf.Type && !(field instanceof protobuf.MapField)) {
      const inner = field.resolvedType;
      out[name] = Array.isArray(value) ? value.map((one) => copy(inner, one, secret)) : copy(inner, value, secret);
    } else if (!isEmpty(value)) out[name] = value;
  }
  return out;
}

function isEmpty(value: unknown): boolean {
  if (typeof value === 'object' && value !== null) return Object.keys(value).length === 0;
  return value === '' || value === null || value === undefined;
}
