import type { Command } from 'commander';
import type { Ctx } from './context.ts';

interface Word {
  readonly path: string;
  readonly words: readonly { readonly text: string; readonly does: string }[];
}

/** Every command path with the words that may follow it: subcommands, choices of its first argument, options. */
export function completionWords(program: Command): Word[] {
  const all: Word[] = [];
  const walk = (command: Command, path: string): void => {
    const children = command
      .createHelp()
      .visibleCommands(command)
      .filter((child) => child.name() !== 'help');
    const choices = command.registeredArguments.flatMap((argument) => argument.argChoices ?? []);
    const options = command.options.filter((option) => !option.hidden && option.long !== undefined);
    all.push({
      path,
      words: [
        ...children.map((child) => ({ text: child.name(), does: child.description() })),
        ...choices.map((choice) => ({ text: choice, does: '' })),
        ...options.map((option) => ({ text: option.long ?? '', does: option.description })),
      ],
    });
    for (const child of children) walk(child, `${path} ${child.name()}`);
  };
  walk(program, program.name());
  return all;
}

function bash(words: readonly Word[]): string {
  const cases = words
    .map(({ path, words: next }) => `    '${path}') words='${next.map((word) => word.text).join(' ')}' ;;`)
    .join('\n');
  return `# bash completion for hf. Use: source <(hf completion bash)
_hf() {
  local path='hf' word words i known
  for ((i = 1; i < COMP_CWORD; i++)); do
    word="\${COMP_WORDS[i]}"
    known="$(_hf_words "$path")"
    [[ "$word" != -* && " $known " == *" $word "* ]] && path="$path $word"
  done
  words="$(_hf_words "$path")"
  [[ "\${COMP_WORDS[COMP_CWORD]}" == -* && "$path" != 'hf' ]] && words="$words $(_hf_words hf | tr ' ' '\\n' | grep '^--' | tr '\\n' ' ')"
  COMPREPLY=($(compgen -W "$words" -- "\${COMP_WORDS[COMP_CWORD]}"))
}
_hf_words() {
  local words=''
  case "$1" in
${cases}
  esac
  printf '%s' "$words"
}
complete -F _hf hf
`;
}

function zsh(words: readonly Word[]): string {
  return `#compdef hf
# zsh completion for hf. Use: source <(hf completion zsh)
autoload -U +X bashcompinit && bashcompinit
${bash(words)}`;
}

function fish(words: readonly Word[]): string {
  const quote = (text: string): string => `'${text.replaceAll('\\', '\\\\').replaceAll("'", "\\'")}'`;
  const lines = words.flatMap(({ path, words: next }) =>
    next.map((word) => {
      const condition = quote(`test (__hf_path) = "${path}"`);
      const what = word.text.startsWith('--') ? `-l ${word.text.slice(2)}` : `-f -a ${word.text}`;
      return `complete -c hf -n ${condition} ${what}${word.does === '' ? '' : ` -d ${quote(word.does)}`}`;
    }),
  );
  const paths = words.map(({ path }) => `"${path}"`).join(' ');
  return `# fish completion for hf. Use: hf completion fish > ~/.config/fish/completions/hf.fish
function __hf_path
  set -l path hf
  for word in (commandline -opc)[2..]
    if contains -- "$path $word" ${paths}
      set path "$path $word"
    end
  end
  echo $path
end
complete -c hf -f
${lines.join('\n')}
`;
}

export function renderCompletion(program: Command, shell: string): string {
  const words = completionWords(program);
  switch (shell) {
    case 'zsh':
      return zsh(words);
    case 'fish':
      return fish(words);
    default:
      return bash(words);
  }
}

export function printCompletion(ctx: Ctx, program: Command, shell: string): Promise<void> {
  ctx.print(renderCompletion(program, shell));
  return Promise.resolve();
}
