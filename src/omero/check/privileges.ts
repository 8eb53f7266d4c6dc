import { made, type Check } from './check.ts';

export const checkPrivileges: Check = {
  id: 'privileges',
  title: 'Privileges of the account',
  needs: ['sign-in'],
  run: async (site) => {
    const { isAdmin, userName, leaderOfGroups } = made(site, 'admin').context;
    if (isAdmin) return { outcome: 'passed', detail: `${userName} is an administrator.` };
    const remedy = `Make ${userName} an administrator who is restricted to the privilege "Sudo".`;
    if (leaderOfGroups.length > 0) {
      const detail = `${userName} is no administrator: it can act for the members of the ${leaderOfGroups.length} groups that it leads, and cannot end sessions of an interrupted import.`;
      return { outcome: 'warning', detail, remedy };
    }
    return { outcome: 'failed', detail: `${userName} is no administrator and leads no group.`, remedy };
  },
};
