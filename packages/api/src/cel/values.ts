/** The part of a JSON schema that decides how a JSON value looks to CEL. */
export interface CelSchema {
  readonly type?: string | undefined;
  readonly properties?: Readonly<Record<string, CelSchema>> | undefined;
  readonly additionalProperties?: CelSchema | boolean | undefined;
  readonly items?: CelSchema | undefined;
}

/**
 * A JSON value as CEL sees it: `integer` fields are int64 (bigint), `number` fields double, objects have no prototype
 * (so that `has(self.toString)` is false). JSON has one number type, so the schema decides; where it is silent, a whole
 * number is an int, as Kubernetes does for fields it knows nothing about. Properties set to `undefined` are absent.
 */
export function toCel(value: unknown, schema?: CelSchema): unknown {
  if (typeof value === 'number') {
    const isInt = schema?.type === undefined ? Number.isInteger(value) : schema.type === 'integer';
    return isInt ? BigInt(Math.trunc(value)) : value;
  }
  if (Array.isArray(value)) return value.map((item) => toCel(item, schema?.items));
  if (typeof value === 'object' && value !== null) {
    const out: Record<string, unknown> = Object.create(null) as Record<string, unknown>;
    const rest = typeof schema?.additionalProperties === 'object' ? schema.additionalProperties : undefined;
    for (const [key, item] of Object.entries(value)) {
      if (item !== undefined) out[key] = toCel(item, schema?.properties?.[key] ?? rest);
    }
    return out;
  }
  return value;
}
