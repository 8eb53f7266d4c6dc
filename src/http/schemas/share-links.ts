import { z } from 'zod';
import { shareDays } from '../sharing/share-links.ts';
import { time, uuid } from './common.ts';

const shareLink = z
  .object({
    id: z.string(),
    madeBy: z.string(),
    madeAt: time,
    expiresAt: time,
    lastUsedAt: time.nullable().meta({ description: 'to the minute; null: it was never opened' }),
  })
  .meta({ id: 'ShareLink' });

export const shareLinkList = z.object({ links: z.array(shareLink) });

export const shareLinkBody = z.object({
  days: z.int().min(1).max(shareDays.most).default(shareDays.usual).meta({ description: 'that it is open' }),
});

export const newShareLink = z.object({
  link: shareLink,
  token: z.string().meta({ description: 'goes into the address `/shared#TOKEN`; it cannot be read again' }),
});

export const openShareLink = z.object({ token: z.string().max(200) });
export const openedShareLink = z.object({ run: uuid });
