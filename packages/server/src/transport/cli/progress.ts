import type { Ctx } from './context.ts';
import { formatDuration } from './units.ts';

const FRAMES = ['⠋', '⠙', '⠹', '⠸', '⠼', '⠴', '⠦', '⠧', '⠇', '⠏'];
const FRAME_MS = 120;

/**
 * One line on stderr that says what is being waited for. On a terminal it is redrawn in place with the time; elsewhere each
 * new text is a line of its own.
 */
export interface ProgressLine {
  update(text: string): void;
  /** Removes the line (terminal). */
  end(): void;
}

export function startProgress(ctx: Ctx): ProgressLine {
  const { stderr, clock } = ctx.io;
  const startedMs = clock.monotonic();
  let text = '';
  let frame = 0;
  let cancel: () => void = () => {};
  let ended = false;
  const draw = (): void => {
    const elapsed = formatDuration(clock.monotonic() - startedMs);
    const spinner = ctx.notePaint.accent(FRAMES[frame % FRAMES.length] ?? '');
    const room = stderr.columns > 0 ? stderr.columns - elapsed.length - 6 : Number.POSITIVE_INFINITY;
    const shown = text.length > room ? `${text.slice(0, Math.max(0, room - 1))}…` : text;
    stderr.write(`\r\u001b[2K${spinner} ${shown} ${ctx.notePaint.dim(`(${elapsed})`)}`);
  };
  const tick = (): void => {
    if (ended) return;
    frame += 1;
    draw();
    cancel = clock.timer(FRAME_MS, tick);
  };
  return {
    update(next) {
      if (next === text) return;
      const first = text === '';
      text = next;
      if (!stderr.isTty) {
        stderr.write(`${text}\n`);
        return;
      }
      draw();
      if (first) cancel = clock.timer(FRAME_MS, tick);
    },
    end() {
      if (ended) return;
      ended = true;
      cancel();
      if (stderr.isTty && text !== '') stderr.write('\r\u001b[2K');
    },
  };
}
