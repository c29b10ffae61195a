import assert from 'node:assert/strict';
import { test } from 'node:test';
import { decodeLvAttr } from './attr.ts';

test('attributes seen on real systems', () => {
  const table = {
    '-wi-a-----': ['linear', 'active', 'closed', 'ok'],
    '-wi-------': ['linear', 'inactive', 'closed', 'ok'],
    'Vwi-aotz--': ['thin', 'active', 'open', 'ok'],
    'Vwi---tz--': ['thin', 'inactive', 'closed', 'ok'],
    'twi-aotz--': ['thin-pool', 'active', 'open', 'ok'],
    'twi-aotzD-': ['thin-pool', 'active', 'open', 'out-of-data-space'],
    'twi-cotzM-': ['thin-pool', 'check-needed', 'open', 'metadata-read-only'],
    'twi-aotzF-': ['thin-pool', 'active', 'open', 'failed'],
    '-wi-a---p-': ['linear', 'active', 'closed', 'partial'],
    'Vwi-XXtzX-': ['thin', 'unknown', 'unknown', 'unknown'],
    'ewi-ao----': ['metadata', 'active', 'open', 'ok'],
    'Vri---tz-k': ['thin', 'inactive', 'closed', 'ok'],
  };
  for (const [text, expected] of Object.entries(table)) {
    const attr = decodeLvAttr(text);
    assert.deepEqual([attr.type, attr.state, attr.open, attr.health], expected, text);
  }
});

test('a letter that is not known is an error that names letter and place, in every place', () => {
  for (let place = 1; place <= 10; place += 1) {
    const text = `${'-wi-a-----'.slice(0, place - 1)}?${'-wi-a-----'.slice(place)}`;
    assert.throws(() => decodeLvAttr(text), new RegExp(`letter ${place} is '\\?'`));
  }
});

test('a text of another length is an error', () => {
  for (const text of ['', '-wi-a----', '-wi-a------']) assert.throws(() => decodeLvAttr(text), /expected 10/);
});
