import { bool, positive, variable, type Setting } from '../setting.ts';

/** Variables of ours about importing, and about the OMERO server. */
export const importVariables = [
  variable(
    'BIOMERO_BRIDGE_IMPORT_COMMAND',
    'a JSON array of words such as ["omero","import"]',
    "Java with OMERO's importer",
    'Another import process, before the arguments that we add. `omero import` shows the session key in the list of processes; Java does not.',
  ),
  variable(
    'BIOMERO_BRIDGE_IMPORT_JARS',
    'a path',
    '/opt/omero/server/OMERO.server/lib/client',
    "Folder with the jars of OMERO's client: `lib/client` of an OMERO.server, or `libs` of OMERO.java.",
  ),
  variable(
    'BIOMERO_BRIDGE_IMPORT_MEMORY',
    'an amount of at least 64m such as 2g',
    '1g',
    'Most memory of the import process, as `-Xmx` of Java.',
  ),
  variable(
    'BIOMERO_BRIDGE_IMPORT_STALL_SECONDS',
    positive,
    '3600',
    'An import process that says nothing for so long is ended through its OMERO session and tried again. However long an import takes, as long as it goes on nobody ends it.',
  ),
  variable(
    'BIOMERO_BRIDGE_STRICT_FOLDERS',
    bool,
    'false',
    'A group without a mapping may import from `<base_dir>/<group>` alone. Otherwise also from what lies in `base_dir` outside the folders of other groups.',
  ),
  variable(
    'BIOMERO_BRIDGE_CONTAINER_COMMAND',
    'a JSON list of words such as ["podman"]',
    'podman or apptainer, whichever is found first in PATH',
    'Container runtime of orders with preprocessing, with options of its own where it needs them. Without one such orders stay pending.',
  ),
  variable(
    'BIOMERO_BRIDGE_CONTAINER_NETWORK',
    'the name of a network',
    'none',
    "Network of those containers: none at all, or one of the runtime's such as `slirp4netns` or `host`.",
  ),
  variable(
    'BIOMERO_BRIDGE_CONTAINER_MEMORY',
    'an amount of at least 64m such as 2g, or none',
    '8g',
    'Most memory of such a container. A rootless podman on a machine with cgroups v1 cannot hold to it, and says so in the log; where the memory controller is not delegated to the user it refuses to start: `none` asks for no limit.',
  ),
  variable(
    'BIOMERO_BRIDGE_CONTAINER_SECONDS',
    positive,
    '21600',
    'A conversion that takes longer is ended, and its file fails.',
  ),
  variable(
    'BIOMERO_BRIDGE_CONTAINER_IMAGES',
    'images or beginnings of them with their registry, separated by spaces, such as docker.io/cellularimagingcf/',
    'none: any image',
    'Container images that orders may name. Whoever may write orders may otherwise run any image on the files of the group.',
  ),
  variable(
    'BIOMERO_BRIDGE_CONTAINER_SCRATCH',
    'a path',
    'beside the files that are converted',
    'Folder for the second copies that converters write and that are removed afterwards; on a fast local disk it spares the storage.',
  ),
  variable(
    'PODMAN_USERNS_MODE',
    'a word; keep-id has a meaning',
    'auto',
    '`keep-id`: the user inside the container is the one that the importer runs as, for images that do not run as root.',
  ),
  variable(
    'BIOMERO_BRIDGE_IMPORT_LOG_DIR',
    'a path',
    'logs in the working directory',
    'Folder for one log per import process.',
  ),
  variable(
    'BIOMERO_BRIDGE_IMPORT_RUN_AS',
    'uid:gid in digits such as 1000:994',
    'our own identity',
    'Identity of the import process when we run as root.',
  ),
  variable(
    'BIOMERO_BRIDGE_OMERO_TLS',
    'verify, self-signed or anonymous',
    'verify',
    "How the OMERO server's certificate is judged: `verify` by the authorities that the system and Node.js trust, and by its name; `self-signed` takes any; `anonymous` needs none, as an OMERO.server without certificate. The last two protect against reading along only.",
  ),
  variable(
    'BIOMERO_BRIDGE_OMERO_CA_FILE',
    'the path of a PEM file',
    '',
    'Authorities to trust, with `verify`, in place of those of the system.',
  ),
  variable(
    'BIOMERO_BRIDGE_OMERO_FINGERPRINT',
    'a SHA-256 fingerprint: 64 hexadecimal digits, with or without colons',
    '',
    "The OMERO server's certificate is the one with this fingerprint, whoever signed it; the safe way with a self-signed certificate. `openssl x509 -noout -fingerprint -sha256 -in CERTIFICATE` prints it, as does the error when the certificate is refused.",
  ),
  variable(
    'BIOMERO_BRIDGE_OMERO_RECONNECT_SECONDS',
    'a whole number from 0 to 600',
    '20',
    'When the connection to OMERO breaks, it is made anew for so long and the session joined again, so that a restarted router or a short outage of the network ends no import. 0: the session is given up at once.',
  ),
] as const satisfies readonly Setting[];
