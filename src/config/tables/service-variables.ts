import { bool, positive, variable, type Setting } from '../setting.ts';

/** Variables of ours about the pages, notifications and the running service. */
export const serviceVariables = [
  variable(
    'BIOMERO_BRIDGE_OMERO_WEB_URL',
    'an http or https address',
    '',
    'Address of OMERO.web, for links to images.',
  ),
  variable('BIOMERO_BRIDGE_WEB_HOST', 'a host name or address', '127.0.0.1', 'Address that the web role listens on.'),
  variable('BIOMERO_BRIDGE_WEB_PORT', 'a port number (0 to 65535; 0: any free one)', '4080', 'Port of the web role.'),
  variable(
    'BIOMERO_BRIDGE_WEB_URL',
    'an http or https address',
    'our own address',
    'Address that browsers use when a proxy stands in front, with its path: `https://omero.example.org/bridge/`. With https, cookies are sent by https alone.',
  ),
  variable(
    'BIOMERO_BRIDGE_TRUST_PROXY',
    bool,
    'false',
    "Take the client's address from the last entry of `X-Forwarded-For`. Only behind a proxy that sets it: sign-in attempts are counted per address.",
  ),
  variable(
    'BIOMERO_BRIDGE_WEB_TOKEN',
    'at least 16 characters without spaces',
    '',
    'Sign-in token of the quick start, for this machine alone: with it, the web role does not start where it listens beyond loopback, where BIOMERO_BRIDGE_WEB_URL is an address of another machine, or with BIOMERO_BRIDGE_TRUST_PROXY. Without one token sign-in is off.',
    { secret: true, file: true },
  ),
  variable(
    'BIOMERO_BRIDGE_SHARE_LINKS',
    bool,
    'false',
    'Lets owners of runs, leaders of their groups and administrators make links that open one run, read-only and for so many days, to whoever holds them, without sign-in. Off: no such link works, also none that was made before.',
  ),
  variable(
    'BIOMERO_BRIDGE_SMTP_URL',
    'an address such as smtp://mail.example.org:587 or smtps://user:password@mail.example.org',
    'none: no mail',
    'Mail server through which people are told, once, that a run ended or needs somebody. With a user the connection is always encrypted.',
    { secret: true, file: true },
  ),
  variable(
    'BIOMERO_BRIDGE_SMTP_CA_FILE',
    'the path of a PEM file',
    '',
    'Authorities to trust when the mail server shows its certificate, in place of those of the system.',
  ),
  variable('BIOMERO_BRIDGE_MAIL_FROM', 'a mail address', '', 'Sender of these mails; needed for mail.'),
  variable(
    'BIOMERO_BRIDGE_MAIL_TO',
    'mail addresses with commas between them; {user} stands for a login name',
    '',
    'Who gets them; needed for mail. `{user}@example.org` writes to whoever started the run, by the name of their OMERO account.',
  ),
  variable(
    'BIOMERO_BRIDGE_WEBHOOK_URL',
    'an http or https address',
    'none: no webhook',
    'Address that is told the same by HTTP POST with a JSON body.',
  ),
  variable(
    'BIOMERO_BRIDGE_WEBHOOK_SECRET',
    'at least 16 characters without spaces',
    '',
    'Key of the signature in `X-Biomero-Bridge-Signature`; needed for a webhook.',
    { secret: true, file: true },
  ),
  variable(
    'BIOMERO_BRIDGE_ARCHIVE_FOLDER_MODE',
    'permissions in octal digits such as 2750, with all rights for the owner',
    'as the umask and the folder above give them',
    "Permissions of an archive's folders and of those above it that we make. `2775` keeps the group of the group folder, so that the importer's and OMERO server's users, members of that group, can read.",
  ),
  variable(
    'BIOMERO_BRIDGE_ARCHIVE_FILE_MODE',
    'permissions in octal digits such as 640, readable for the owner',
    'as the umask and the folder above give them',
    "Permissions of an archive's files. `440` also protects them from being changed by mistake.",
  ),
  variable(
    'BIOMERO_BRIDGE_METRICS_PORT',
    'a port number (0 to 65535; 0: any free one)',
    'none: no metrics',
    'Every role serves `/metrics` for Prometheus and `/healthz` there, without a sign-in.',
  ),
  variable('BIOMERO_BRIDGE_METRICS_HOST', 'a host name or address', '127.0.0.1', 'Address that these are served on.'),
  variable(
    'BIOMERO_BRIDGE_LOG_LEVEL',
    'trace, debug, info, warn, error, fatal or silent',
    'log_level of settings.yml, else info',
    'What is logged.',
  ),
  variable(
    'BIOMERO_BRIDGE_VIEWS',
    'auto or ours',
    'auto',
    "Who fills BIOMERO's `biomero_*` view tables. `auto`: we, unless a Python worker's listeners have left their `*_tracking` tables; then they do, from our events too. `ours`: we always do, and move the listeners' cursors along; only where no Python worker runs any more.",
  ),
  variable(
    'BIOMERO_BRIDGE_MAX_RUNS',
    positive,
    '4',
    'Runs that one worker transfers at the same time; any number may wait for their jobs.',
  ),
] as const satisfies readonly Setting[];
