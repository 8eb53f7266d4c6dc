import { rtime } from '../../../omero/rtypes.ts';
import type { Service } from '../context.ts';

/** IConfig: the version of OMERO that this server behaves like, and where its repository lies. */
export const configService: Service = {
  getVersion: (call) => call.server.config.get('omero.version') ?? '',
  getConfigValue: (call, [key]) => call.server.config.get(String(key)) ?? '',
  getServerTime: () => rtime(Date.now()),
  getDatabaseTime: () => rtime(Date.now()),
};
