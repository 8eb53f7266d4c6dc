import { z } from 'zod';
import { omeroId } from './common.ts';

const secret = z.string().max(4_000).optional();

export const signInWays = z.object({ ways: z.array(z.enum(['token', 'omero'])) });
export const signInBody = z.object({ user: secret, password: secret, token: secret }).meta({
  description: 'a user name and password of OMERO, or the token that the quick start printed',
});
export const session = z.object({
  user: z.string(),
  admin: z.boolean(),
  omeroWeb: z.string().nullable().meta({ description: 'address of OMERO.web' }),
  shareLinks: z.boolean().meta({ description: 'links that open a run without sign-in can be made here' }),
  groups: z.array(z.object({ id: omeroId, name: z.string(), leader: z.boolean() })),
});
