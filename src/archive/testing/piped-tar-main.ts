/** Waits for a stream that never comes, and ends all the same: how, its exit code tells. */
import { PipedTar } from '../piped-tar.ts';

const tar = await PipedTar.open();
// Why it ends is not asked here.
tar.next().catch(() => undefined);
while (!tar.state.waits) await new Promise((resolve) => setTimeout(resolve, 10));
setTimeout(() => process.exit(7), 200);
