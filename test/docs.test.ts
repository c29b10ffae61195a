/** The pages that people read at 3 a.m.: every command on them exists, every link leads somewhere, every alarm has a runbook. */
import assert from 'node:assert/strict';
import { existsSync, globSync, readFileSync } from 'node:fs';
import { dirname, join, resolve } from 'node:path';
import { test } from 'node:test';
import type { CliIo } from '@holdfast/server/transport/cli/io.ts';
import { buildProgram } from '@holdfast/server/transport/cli/program.ts';
import type { Command } from 'commander';

const ROOT = resolve(import.meta.dirname, '..');
const PAGES = ['README.md', 'CONTRIBUTING.md', ...globSync('docs/**/*.md', { cwd: ROOT })].filter(
  (page) => !page.startsWith('docs/reference/'),
);
const read = (page: string): string => readFileSync(join(ROOT, page), 'utf8');

/** Command lines of `hf` on a page: in blocks of code, and between backticks. Joined over `\` at the end of a line. */
function commandsOf(text: string): string[] {
  const lines: string[] = [];
  for (const [, block = ''] of text.matchAll(/```sh\n(.*?)```/gs)) {
    for (const line of block.replaceAll('\\\n', ' ').split('\n')) {
      const code = line
        .replaceAll(' "$@"', '')
        .replace(/\s#.*$/, '')
        .replaceAll('npm run --silent hf --', 'hf')
        .replaceAll('npm run hf --', 'hf');
      for (const part of code.split(/&&|\||;|\$\(|\)/)) lines.push(part.trim());
    }
  }
  const outside = text.replace(/```.*?```/gs, '');
  for (const [, code = ''] of outside.matchAll(/`([^`\n]+)`/g)) {
    for (const part of code.split('&&')) lines.push(part.trim());
  }
  return lines.filter((line) => /^hf( |$)/.test(line));
}

/** What is wrong with a command line, or undefined. */
function mistake(program: Command, line: string): string | undefined {
  const words = line.match(/"[^"]*"|'[^']*'|\S+/g) ?? [];
  let command = program;
  const values: string[] = [];
  for (let index = 1; index < words.length; index += 1) {
    const word = words[index] ?? '';
    // What follows is another program's, or a daemon's own (checked by starting it).
    if (word === '--' || ['agent', 'controller', 'apiserver'].includes(command.name())) return undefined;
    const child = command.commands.find((one) => one.name() === word || one.aliases().includes(word));
    if (child !== undefined && values.length === 0) {
      command = child;
    } else if (word.startsWith('-') && word.length > 1) {
      const [flag = ''] = word.split('=');
      const known = [...command.options, ...program.options];
      const option = known.find((one) => one.long === flag || one.short === flag);
      if (option === undefined && flag !== '--help') return `no option ${flag}`;
      if (option !== undefined && !word.includes('=') && (option.required || option.optional)) index += 1;
    } else {
      if (command.commands.length > 0) return `no command ${word}`;
      values.push(word);
    }
  }
  if (command.commands.length > 0) return undefined;
  const required = command.registeredArguments.filter((one) => one.required).length;
  const variadic = command.registeredArguments.some((one) => one.variadic);
  // A command that is only named (`hf volume move`) needs no arguments.
  if (values.length > 0 && values.length < required) return `needs ${required} arguments`;
  return !variadic && values.length > command.registeredArguments.length ? `too many arguments` : undefined;
}

test('every command of hf on a page exists, with its options', () => {
  const silent = { write: () => {}, isTty: false, columns: 0 };
  const { command } = buildProgram({ stdout: silent, stderr: silent, env: {} } as unknown as CliIo);
  const found = PAGES.flatMap((page) => commandsOf(read(page)).map((line) => ({ page, line })));
  assert.ok(found.length > 80, `${found.length} commands`);
  const wrong = found.flatMap(({ page, line }) => {
    const why = mistake(command, line);
    return why === undefined ? [] : [`${page}: ${line}: ${why}`];
  });
  assert.deepEqual(wrong, []);
});

test('a wrong command would be found', () => {
  const silent = { write: () => {}, isTty: false, columns: 0 };
  const { command } = buildProgram({ stdout: silent, stderr: silent, env: {} } as unknown as CliIo);
  const cases = [
    'hf volme list',
    'hf volume creat x',
    'hf volume create x --siez 1',
    'hf volume attach db',
    'hf status x',
  ];
  for (const line of cases) assert.notEqual(mistake(command, line), undefined, line);
});

test('every link to a file leads to one', () => {
  const dead = PAGES.flatMap((page) =>
    [...read(page).matchAll(/\]\(([^)#:]+)(?:#[^)]*)?\)/g)]
      .map(([, target = '']) => target)
      .filter((target) => !existsSync(join(ROOT, dirname(page), target)))
      .map((target) => `${page}: ${target}`),
  );
  assert.deepEqual(dead, []);
});

/** Texts in single quotes after `before`, in the sources of a folder. */
function namesIn(folder: string, before: RegExp): Set<string> {
  const names = new Set<string>();
  for (const file of globSync(`packages/server/src/${folder}/**/*.ts`, { cwd: ROOT })) {
    if (file.endsWith('.test.ts')) continue;
    for (const [, name = ''] of read(file).matchAll(before)) names.add(name);
  }
  return names;
}

test('every condition, and every reason why a pool or a replica failed, has a runbook', () => {
  const runbooks = globSync('docs/runbooks/*.md', { cwd: ROOT }).map(read).join('\n');
  const alarms = new Set([
    ...namesIn('core/volume', /\.condition\(\s*'([A-Z]\w+)'/g),
    ...namesIn('reconcile/agent', /const type = '([A-Z]\w+)'/g),
    ...namesIn('core/pool', /(?:failed|missing)\(\s*'([A-Z]\w+)'/g),
    ...namesIn('core/pool', /reason: '([A-Z]\w+)'/g),
    ...namesIn('core/replica', /(?:failed|blocked|wait)\(\s*'([A-Z]\w+)'/g),
    'NodeLost',
    'NodeForgotten',
    'FencingRefused',
  ]);
  assert.ok(alarms.size > 30, `${alarms.size} alarms`);
  const missing = [...alarms].filter((name) => !runbooks.includes(`\`${name}\``));
  assert.deepEqual(missing.toSorted(), []);
});
