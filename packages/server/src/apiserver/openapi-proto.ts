import { ProtoWriter } from './protobuf.ts';
import { isObject, type Json, type JsonObject } from './types.ts';

/**
 * kubectl before 1.27 asks for nothing else (with an @ before the version, which Go's own MIME parser refuses in an answer),
 * and cannot validate or explain without it.
 */
export const OPENAPI_V2_PROTO = 'application/com.github.proto-openapi.spec.v2.v1.0+protobuf';

type Write = (writer: ProtoWriter) => void;

function named(field: number, name: string, write: Write): Write {
  return (writer) =>
    writer.message(field, (pair) => {
      pair.text(1, name);
      pair.message(2, write);
    });
}

/** JSON is YAML. */
function any(value: Json): Write {
  return (writer) => writer.text(2, JSON.stringify(value));
}

function extensions(source: JsonObject, field: number): Write {
  return (writer) => {
    for (const [key, value] of Object.entries(source)) {
      if (key.startsWith('x-') && value !== undefined) named(field, key, any(value))(writer);
    }
  };
}

const TEXTS: Readonly<Record<string, number>> = { $ref: 1, format: 2, title: 3, description: 4, pattern: 13 };
const DOUBLES: Readonly<Record<string, number>> = { multipleOf: 6, maximum: 7, minimum: 9 };
const INTEGERS: Readonly<Record<string, number>> = { maxLength: 11, minLength: 12, maxItems: 14, minItems: 15 };

function schema(source: JsonObject): Write {
  return (writer) => {
    for (const [key, value] of Object.entries(source)) {
      const textField = TEXTS[key];
      const doubleField = DOUBLES[key];
      const integerField = INTEGERS[key];
      if (textField !== undefined && typeof value === 'string') writer.text(textField, value);
      else if (doubleField !== undefined && typeof value === 'number') writer.double(doubleField, value);
      else if (integerField !== undefined && typeof value === 'number') writer.int(integerField, value);
      else if (key === 'default' && value !== undefined) writer.message(5, any(value));
      else if (key === 'required' && Array.isArray(value)) for (const item of value) writer.text(19, String(item));
      else if (key === 'enum' && Array.isArray(value)) for (const item of value) writer.message(20, any(item));
      else if (key === 'additionalProperties' && isObject(value)) {
        writer.message(21, (inner) => inner.message(1, schema(value)));
      } else if (key === 'type' && typeof value === 'string') writer.message(22, (inner) => inner.text(1, value));
      else if (key === 'items' && isObject(value)) writer.message(23, (inner) => inner.message(1, schema(value)));
      else if (key === 'allOf' && Array.isArray(value)) {
        for (const item of value) if (isObject(item)) writer.message(24, schema(item));
      } else if (key === 'properties' && isObject(value)) writer.message(25, schemas(value));
    }
    extensions(source, 31)(writer);
  };
}

function schemas(source: JsonObject): Write {
  return (writer) => {
    for (const [name, value] of Object.entries(source)) if (isObject(value)) named(1, name, schema(value))(writer);
  };
}

function parameter(source: JsonObject): Write {
  return (item) =>
    item.message(1, (one) =>
      one.message(2, (nonBody) =>
        nonBody.message(3, (query) => {
          query.text(2, 'query');
          query.text(3, String(source['description'] ?? ''));
          query.text(4, String(source['name'] ?? ''));
          query.text(6, String(source['type'] ?? 'string'));
        }),
      ),
    );
}

function operation(source: JsonObject): Write {
  return (writer) => {
    writer.text(3, String(source['description'] ?? ''));
    writer.text(5, String(source['operationId'] ?? ''));
    const parameters = Array.isArray(source['parameters']) ? source['parameters'] : [];
    for (const item of parameters) if (isObject(item)) writer.message(8, parameter(item));
    writer.message(9, (responses) =>
      named(1, '200', (value) => value.message(1, (response) => response.text(1, 'OK')))(responses),
    );
    extensions(source, 13)(writer);
  };
}

const METHODS: Readonly<Record<string, number>> = { get: 2, put: 3, post: 4, delete: 5, patch: 8 };

function pathItem(source: JsonObject): Write {
  return (writer) => {
    for (const [method, field] of Object.entries(METHODS)) {
      const value = source[method];
      if (isObject(value)) writer.message(field, operation(value));
    }
  };
}

/** An OpenAPI v2 document in the encoding of gnostic's OpenAPIv2.proto. */
export function openApiV2Proto(document: JsonObject): Buffer {
  const writer = new ProtoWriter();
  const info = isObject(document['info']) ? document['info'] : {};
  const paths = isObject(document['paths']) ? document['paths'] : {};
  writer.text(1, '2.0');
  writer.message(2, (inner) => {
    inner.text(1, String(info['title'] ?? ''));
    inner.text(2, String(info['version'] ?? ''));
  });
  writer.message(8, (inner) => {
    for (const [path, item] of Object.entries(paths)) if (isObject(item)) named(2, path, pathItem(item))(inner);
  });
  writer.message(9, schemas(isObject(document['definitions']) ? document['definitions'] : {}));
  return writer.finish();
}
