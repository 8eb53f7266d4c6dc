import { defineErrors } from './define.ts';

export const trackingErrors = defineErrors({
  TRACKING_BUSY: {
    message: "BIOMERO's event log could not be written in {attempts} attempts: {reason}",
    remedy: 'The step is tried again; if this lasts, look for a program that keeps workflowtracker_events locked.',
    who: 'admin',
    retryable: true,
    status: 503,
  },
  TRACKING_EVENT_UNREADABLE: {
    message: "Event {event} of BIOMERO's log cannot be read: {reason}",
    remedy:
      'BIOMERO must write plain JSON: unset COMPRESSOR_TOPIC, CIPHER_TOPIC and TRANSCODER_TOPIC there; then try again.',
    who: 'admin',
    retryable: false,
    status: 500,
  },
  TRACKING_VALUE_REFUSED: {
    message: "{field} cannot be written to BIOMERO's log: {reason}",
    remedy: 'Change the parameter or the descriptor that it comes from.',
    who: 'admin',
    retryable: false,
    status: 400,
  },
  TRACKING_OFF: {
    message: 'track_workflows is off, so there is no log to make the view tables from.',
    remedy: 'Nothing to do; with track_workflows = true in [ANALYTICS] of slurm-config.ini new runs are logged.',
    who: 'admin',
    retryable: false,
    status: 409,
  },
  VIEWS_LEFT_TO_PYTHON: {
    message: "A Python worker's listeners keep the view tables here (there are `*_tracking` tables).",
    remedy:
      'Leave them to it; or, where no Python worker runs any more, set BIOMERO_BRIDGE_VIEWS=ours on every worker and try again.',
    who: 'admin',
    retryable: false,
    status: 409,
  },
  TRACKING_TASK_ELSEWHERE: {
    message: 'Task {task} belongs to workflow {found}, not to {asked}.',
    remedy: 'Use a new task id.',
    who: 'developer',
    retryable: false,
    status: 409,
  },
});
