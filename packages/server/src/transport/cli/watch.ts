import type { Ctx } from './context.ts';
import type { LiveView } from './live.ts';
import { type Listing, renderListing } from './output.ts';

/** On a terminal, ages and rates move on even when nothing changes. */
const REDRAW_MS = 1000;

/**
 * Shows a listing again whenever it changes, until Ctrl-C. On a terminal the screen is redrawn; elsewhere each state that
 * differs from the last one is printed after the other (json: one document per state).
 */
export async function watchListing<T>(ctx: Ctx, live: LiveView, listing: () => Listing<T>): Promise<void> {
  const { stdout, clock, signal } = ctx.io;
  let last = '';
  let cancel: () => void = () => {};
  let drawing = Promise.resolve();
  const draw = async (): Promise<void> => {
    const current = listing();
    const human = ctx.options.output === 'table' || ctx.options.output === 'wide';
    const text = current.items.length === 0 && human ? `${current.empty}\n` : await renderListing(ctx, current);
    if (stdout.isTty && human) {
      const head = ctx.paint.dim(`${new Date(ctx.now()).toISOString()}  Ctrl-C to stop`);
      // Home, each line cleared to its end, then everything below: no flicker.
      const body = `${head}\n\n${text}`.replaceAll('\n', '\u001b[K\n');
      stdout.write(`${last === '' ? '\u001b[2J' : ''}\u001b[H${body}\u001b[J`);
    } else if (text !== last) {
      stdout.write(last !== '' && human ? `\n${text}` : text);
    }
    last = text;
  };
  const arm = (): void => {
    cancel();
    if (stdout.isTty) {
      cancel = clock.timer(REDRAW_MS, () => {
        drawing = drawing.then(draw).catch(() => {});
        arm();
      });
    }
  };
  try {
    await live.run(signal, async () => {
      drawing = drawing.then(draw);
      await drawing;
      arm();
      return false;
    });
  } finally {
    cancel();
  }
}
