import { bridgeError } from '../../domain/errors.ts';
import type { Pool } from '../../lib/database.ts';
import { mayChange } from '../identity/rights.ts';
import type { OnRun, Route } from '../route.ts';
import { newShareLink, openedShareLink, openShareLink, shareLinkBody, shareLinkList } from '../schemas/share-links.ts';
import type { ShareAccess } from '../sharing/share-access.ts';
import { createShareLink, listOpenShareLinks, revokeShareLink, type ShareLink } from '../sharing/share-links.ts';
import { bodyOf } from './request.ts';

/** Links that show one run without sign-in: opening one, and for people who are signed in making and revoking them. */
export function shareLinkRoutes({ runs, shares }: { runs: Pool; shares: ShareAccess }): Route[] {
  return [
    {
      method: 'POST',
      path: '/api/shared',
      rule: 'public',
      api: {
        summary:
          'Opens a share link: sets a cookie for the addresses of its run alone. 410 with the reason when it has ended.',
        body: openShareLink,
        answer: openedShareLink,
      },
      handle: async ({ c }) => {
        const { token } = await bodyOf(c, openShareLink);
        const opened = await shares.open(token);
        c.header('set-cookie', shares.cookieFor(opened, token));
        return c.json({ run: opened.run.id });
      },
    },
    {
      method: 'GET',
      path: '/api/runs/:id/links',
      rule: 'see-run',
      scope: null,
      api: {
        summary: "The run's open share links: all of them for those who may change the run, else one's own.",
        answer: shareLinkList,
      },
      handle: async (on) => on.c.json({ links: (await linksOf(runs, on)).map(shown) }),
    },
    {
      method: 'POST',
      path: '/api/runs/:id/links',
      rule: 'change-run',
      scope: null,
      api: {
        summary: 'Makes a share link. The answer has its token, which cannot be read again.',
        body: shareLinkBody,
        answer: newShareLink,
        status: 201,
      },
      handle: async ({ c, run, viewer }) => {
        if (!shares.on) throw bridgeError('SHARE_LINKS_OFF', {});
        const { days } = await bodyOf(c, shareLinkBody);
        const { link, token } = await createShareLink(runs, run.id, viewer, days);
        return c.json({ link: shown(link), token }, 201);
      },
    },
    {
      method: 'DELETE',
      path: '/api/runs/:id/links/:link',
      rule: 'see-run',
      scope: null,
      api: {
        summary: "Revokes a share link: its maker, the run's owner, leaders of its group and administrators may.",
        answer: null,
      },
      handle: async (on) => {
        const id = on.c.req.param('link') ?? '';
        const link = (await linksOf(runs, on)).find((one) => one.id === id);
        if (!link || !(await revokeShareLink(runs, link, on.viewer.name)))
          throw bridgeError('SHARE_LINK_NOT_OPEN', { link: id.slice(0, 40) });
        return on.c.body(null, 204);
      },
    },
  ];
}

/** The open links that somebody may see and revoke. */
async function linksOf(runs: Pool, { run, viewer }: OnRun): Promise<ShareLink[]> {
  const all = await listOpenShareLinks(runs, run.id);
  return mayChange(viewer, run) ? all : all.filter((l) => l.madeById !== null && l.madeById === viewer.userId);
}

function shown({
  id,
  madeBy,
  madeAt,
  expiresAt,
  lastUsedAt,
}: ShareLink): Omit<ShareLink, 'runId' | 'madeById' | 'revokedAt'> {
  return { id, madeBy, madeAt, expiresAt, lastUsedAt };
}
