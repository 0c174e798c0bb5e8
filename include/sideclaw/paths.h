/* paths.h: where the daemon keeps its state and listens, so that the command line finds it: one
 * rule for both programs. */
#ifndef SIDECLAW_PATHS_H
#define SIDECLAW_PATHS_H

/* sc_env_get: the value of `name` in a NULL-terminated environment; NULL when it is unset or empty
 * (an empty variable is how a job file switches one off). */
const char *sc_env_get(char *const *envp, const char *name);

/* sc_path_state_dir: $SIDECLAW_STATE_DIR, else $NOMAD_ALLOC_DIR/data/sideclaw, else
 * $XDG_STATE_HOME/sideclaw, else ~/.local/state/sideclaw, else (no home) /var/lib/sideclaw. The
 * caller frees. */
char *sc_path_state_dir(char *const *envp);

/* sc_path_control_socket: <state_dir>/control.sock. The caller frees. */
char *sc_path_control_socket(const char *state_dir);

/* sc_path_default_socket: where a client looks: $SIDECLAW_SOCKET, else $SIDECLAW_CONTROL_SOCKET,
 * else the control socket of sc_path_state_dir. The caller frees. */
char *sc_path_default_socket(char *const *envp);

#endif
