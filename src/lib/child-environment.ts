/** Our environment without what another program need not know. */
export function environmentForOthers(): NodeJS.ProcessEnv {
  const secret = /PASSWORD|PASSWD|SECRET|TOKEN|DB_URL|DATABASE|SQLALCHEMY/i;
  return Object.fromEntries(Object.entries(process.env).filter(([name]) => !secret.test(name)));
}
