/** Whom servers in tests run as when root runs the tests, as PostgreSQL refuses to be root; null for anybody else. */
export const serverUser = process.getuid?.() === 0 ? { uid: 65534, gid: 65534, name: 'nobody' } : null;
