import Table from 'cli-table3';
import type { Paint } from './style.ts';

/** A column: its header and how a row fills it. */
export interface Column<Row> {
  readonly head: string;
  readonly align?: 'left' | 'right';
  /** Only with `-o wide`. */
  readonly wide?: boolean;
  /** Left out when no row has anything to say. */
  readonly optional?: boolean;
  cell(row: Row): string;
}

const BARE = {
  top: '',
  'top-mid': '',
  'top-left': '',
  'top-right': '',
  bottom: '',
  'bottom-mid': '',
  'bottom-left': '',
  'bottom-right': '',
  left: '',
  'left-mid': '',
  mid: '',
  'mid-mid': '',
  right: '',
  'right-mid': '',
  middle: '  ',
};

function draw(head: string[], rows: string[][], aligns: ('left' | 'right')[]): string {
  const table = new Table({
    chars: BARE,
    style: { 'padding-left': 0, 'padding-right': 0, head: [], border: [], compact: true },
    colAligns: aligns,
    ...(head.length > 0 ? { head } : {}),
  });
  table.push(...rows);
  const text = table
    .toString()
    .split('\n')
    .map((line) => line.trimEnd())
    .join('\n');
  return `${text}\n`;
}

/** A table without lines, in the shape people know from kubectl. */
export function renderTable<Row>(
  columns: readonly Column<Row>[],
  rows: readonly Row[],
  options: { paint: Paint; wide: boolean },
): string {
  const shown = columns.filter((column) => options.wide || column.wide !== true);
  const cells = rows.map((row) => shown.map((column) => column.cell(row)));
  const keep = shown.map(
    (column, index) => column.optional !== true || cells.some((line) => (line[index] ?? '') !== ''),
  );
  return draw(
    shown.filter((_, index) => keep[index]).map((column) => options.paint.dim(column.head)),
    cells.map((line) => line.filter((_, index) => keep[index]).map((text) => (text === '' ? '-' : text))),
    shown.filter((_, index) => keep[index]).map((column) => column.align ?? 'left'),
  );
}

/** `Key:  value` lines. A value with several lines is indented under itself. Entries with an empty value are left out. */
export function renderFields(fields: readonly (readonly [string, string])[], paint: Paint, indent = ''): string {
  const present = fields.filter(([, value]) => value !== '');
  const width = Math.max(...present.map(([key]) => key.length), 0) + 3;
  return present
    .map(([key, value]) => {
      const [first = '', ...more] = value.split('\n');
      const head = `${indent}${paint.dim(`${key}:`)}${' '.repeat(width - key.length - 1)}${first}`;
      return [head, ...more.map((line) => `${indent}${' '.repeat(width)}${line}`)]
        .map((line) => `${line.trimEnd()}\n`)
        .join('');
    })
    .join('');
}

/** A headed block, with its body indented by two. */
export function renderSection(title: string, body: string, paint: Paint): string {
  const inner = body
    .split('\n')
    .map((line) => (line === '' ? '' : `  ${line}`))
    .join('\n');
  return `\n${paint.bold(title)}\n${inner}`;
}
