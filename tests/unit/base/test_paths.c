#include <criterion/criterion.h>

#include "sideclaw/mem.h"
#include "sideclaw/paths.h"
#include "support/words.h"

static void state_is(char *const *envp, const char *want)
{
    sc_auto_free char *dir = sc_path_state_dir(envp);
    cr_assert_str_eq(dir, want);
}

Test(paths, the_state_folder_by_the_first_variable_that_is_set)
{
    char **all =
        WORDS("HOME=/h", "XDG_STATE_HOME=/x", "NOMAD_ALLOC_DIR=/n", "SIDECLAW_STATE_DIR=/s");
    state_is(all, "/s");
    all[3] = NULL;
    state_is(all, "/n/data/sideclaw");
    all[2] = NULL;
    state_is(all, "/x/sideclaw");
    all[1] = NULL;
    state_is(all, "/h/.local/state/sideclaw");
    all[0] = NULL;
    state_is(all, "/var/lib/sideclaw");
    state_is(NULL, "/var/lib/sideclaw");
}

Test(paths, an_empty_variable_is_unset)
{
    char **env = WORDS("SIDECLAW_STATE_DIR=", "HOME=/h");
    state_is(env, "/h/.local/state/sideclaw");
    cr_assert_null(sc_env_get(env, "SIDECLAW_STATE_DIR"));
    cr_assert_null(sc_env_get(env, "HOM"));
    cr_assert_str_eq(sc_env_get(env, "HOME"), "/h");
}

Test(paths, the_socket_by_variable_or_in_the_state_folder)
{
    char **env = WORDS("SIDECLAW_STATE_DIR=/s", "SIDECLAW_SOCKET=/run/a.sock",
                       "SIDECLAW_CONTROL_SOCKET=/run/b.sock");
    sc_auto_free char *b = sc_path_default_socket(env);
    cr_assert_str_eq(b, "/run/b.sock");
    env[2] = NULL;
    sc_auto_free char *a = sc_path_default_socket(env);
    cr_assert_str_eq(a, "/run/a.sock");
    env[1] = NULL;
    sc_auto_free char *s = sc_path_default_socket(env);
    cr_assert_str_eq(s, "/s/control.sock");
}
