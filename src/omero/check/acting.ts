import { made, SkipCheck, type Check } from './check.ts';

export const checkActing: Check = {
  id: 'acting',
  title: 'Act as a user',
  needs: ['sign-in'],
  async run(site) {
    if (!site.actAs) throw new SkipCheck('say with --user and --group as whom');
    const { user, group } = site.actAs;
    const admin = made(site, 'admin');
    const found = await admin.findGroup(group);
    const session = await admin.sudo(user, group);
    site.cleanup.add(`the session of ${user}`, () => session.close());
    site.made.session = session;
    const permissions = found ? `, a group with ${found.permissions}` : '';
    return { outcome: 'passed', detail: `A session as ${user} in ${group}${permissions}.` };
  },
};
