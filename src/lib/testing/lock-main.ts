import { takeFileLock } from '../file-lock.ts';

/** Goes for one lock after another at given instants, keeps what it gets, and says of which it became the holder. */
const [folder = '', rounds = '', start = ''] = process.argv.slice(2);
const taken: number[] = [];
for (let round = 0; round < Number(rounds); round++) {
  const wait = Number(start) + round * 40 - Date.now();
  await new Promise((resolve) => setTimeout(resolve, wait));
  if (!('heldBy' in (await takeFileLock(`${folder}/${round}.lock`)))) taken.push(round);
}
process.stdout.write(JSON.stringify(taken));
// Nobody may end before the others have tried: what it holds would be free again.
await new Promise((resolve) => process.stdin.once('data', resolve));
process.exit();
