import { Environment } from '@marcbachmann/cel-js';
import type { CelRule } from '../schema/meta.ts';
import { type CelSchema, toCel } from './values.ts';

/** A rule that said no. */
export interface CelViolation {
  /** Path of the offending field, e.g. `spec.sizeBytes`. */
  readonly field: string;
  /** What is at that path now; `undefined` when nothing is. */
  readonly value: unknown;
  readonly message: string;
}

/** Rules of one kind, parsed once. */
export interface CompiledRules {
  /**
   * Evaluates every rule whose path exists in `object`. Transition rules (those that mention `oldSelf`) are evaluated only
   * when `old` has a value at that path too, as in a CRD. A rule that fails to evaluate is a violation, never a pass.
   */
  evaluate(object: unknown, old?: unknown): CelViolation[];
}

interface Compiled {
  readonly segments: readonly string[];
  readonly fieldSegments: readonly string[];
  readonly transition: boolean;
  readonly message: string;
  readonly schema: CelSchema | undefined;
  readonly run: (context: Record<string, unknown>) => unknown;
}

function segmentsOf(path: string): string[] {
  return path.split('.').filter((part) => part !== '');
}

function at(value: unknown, segments: readonly string[]): unknown {
  let current = value;
  for (const segment of segments) {
    if (typeof current !== 'object' || current === null || Array.isArray(current)) return undefined;
    current = Object.hasOwn(current, segment) ? (current as Record<string, unknown>)[segment] : undefined;
  }
  return current;
}

function schemaAt(schema: CelSchema | undefined, segments: readonly string[]): CelSchema | undefined {
  let current = schema;
  for (const segment of segments) current = current?.properties?.[segment];
  return current;
}

/**
 * Compiles the rules of a kind; the same text is in its CRD.
 * @param schema JSON schema of the whole object; tells int from double.
 * @throws Error when a rule does not parse or type-check: a bug in the schema package, found at start.
 */
export function compileRules(rules: readonly CelRule[], schema?: CelSchema): CompiledRules {
  const environment = new Environment().registerVariable('self', 'dyn').registerVariable('oldSelf', 'dyn');
  const compiled: Compiled[] = rules.map((rule) => {
    const program = environment.parse(rule.rule);
    const check = program.check();
    if (!check.valid) throw new Error(`CEL rule at '${rule.path}' is invalid: ${rule.rule}: ${String(check.error)}`);
    const segments = segmentsOf(rule.path);
    return {
      segments,
      fieldSegments: [...segments, ...segmentsOf(rule.fieldPath ?? '')],
      transition: /\boldSelf\b/.test(rule.rule),
      message: rule.message,
      schema: schemaAt(schema, segments),
      run: (context) => program(context) as unknown,
    };
  });
  return {
    evaluate(object, old) {
      // Rules of one path share the converted values: converting costs more than most rules.
      const values = { self: new Map<string, unknown>(), oldSelf: new Map<string, unknown>() };
      return compiled.flatMap((rule) => evaluateOne(rule, object, old, values));
    },
  };
}

interface Converted {
  readonly self: Map<string, unknown>;
  readonly oldSelf: Map<string, unknown>;
}

function converted(cache: Map<string, unknown>, rule: Compiled, value: unknown): unknown {
  const key = rule.segments.join('.');
  if (!cache.has(key)) cache.set(key, toCel(key === '' ? visibleAtRoot(value) : value, rule.schema));
  return cache.get(key);
}

/** Rules on the whole object see of metadata only the name, as in a CRD. */
function visibleAtRoot(value: unknown): unknown {
  const name = at(value, ['metadata', 'name']);
  const generateName = at(value, ['metadata', 'generateName']);
  return { ...(value as object), metadata: { name, generateName } };
}

function evaluateOne(rule: Compiled, object: unknown, old: unknown, values: Converted): CelViolation[] {
  const self = at(object, rule.segments);
  if (self === undefined || self === null) return [];
  const oldSelf = old === undefined ? undefined : at(old, rule.segments);
  if (rule.transition && (oldSelf === undefined || oldSelf === null)) return [];
  const field = rule.fieldSegments.join('.');
  const value = at(object, rule.fieldSegments);
  try {
    const context: Record<string, unknown> = { self: converted(values.self, rule, self) };
    if (rule.transition) context['oldSelf'] = converted(values.oldSelf, rule, oldSelf);
    return rule.run(context) === true ? [] : [{ field, value, message: rule.message }];
  } catch (error) {
    const why = error instanceof Error ? (error.message.split('\n')[0] ?? '') : String(error);
    return [{ field, value, message: `${rule.message} (the rule could not be evaluated: ${why})` }];
  }
}
