import { enableCompileCache } from 'node:module';

// Compiled code is kept between runs: a command starts in half the time.
enableCompileCache();
const [{ runCli }, { createTerminalIo }] = await Promise.all([import('../transport/cli/run.ts'), import('./hf-io.ts')]);

const io = createTerminalIo();
process.exitCode = await runCli(process.argv.slice(2), io);
io.close();
