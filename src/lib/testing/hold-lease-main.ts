/** For tests that kill or pause a holder: `hold-lease-main URL TTL_MS` takes lease `x` and says when it is lost. */
import { LeaseHolder } from '../lease.ts';

const [url = '', ttl = ''] = process.argv.slice(2);
const leases = await LeaseHolder.open(url, { holder: 'child', ttlMs: Number(ttl) });
const lease = await leases.acquire('x');
process.stdout.write(lease ? 'held\n' : 'not held\n');
lease?.signal.addEventListener('abort', () => process.stdout.write('lost\n'));
