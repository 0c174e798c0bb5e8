#include "sideclaw/paths.h"

#include <string.h>

#include "sideclaw/mem.h"

const char *sc_env_get(char *const *envp, const char *name)
{
    size_t n = strlen(name);
    for (; envp && *envp; envp++)
        if (strncmp(*envp, name, n) == 0 && (*envp)[n] == '=')
            return (*envp)[n + 1] ? *envp + n + 1 : NULL;
    return NULL;
}

char *sc_path_state_dir(char *const *envp)
{
    static const struct {
        const char *variable, *below;
    } places[] = {
        { "SIDECLAW_STATE_DIR", "" },
        { "NOMAD_ALLOC_DIR", "/data/sideclaw" },
        { "XDG_STATE_HOME", "/sideclaw" },
        { "HOME", "/.local/state/sideclaw" },
    };
    for (size_t i = 0; i < SC_ARRAY_LEN(places); i++) {
        const char *base = sc_env_get(envp, places[i].variable);
        if (base)
            return sc_xasprintf("%s%s", base, places[i].below);
    }
    return sc_xstrdup("/var/lib/sideclaw");
}

char *sc_path_control_socket(const char *state_dir)
{
    return sc_xasprintf("%s/control.sock", state_dir);
}

char *sc_path_default_socket(char *const *envp)
{
    const char *path = sc_env_get(envp, "SIDECLAW_CONTROL_SOCKET");
    if (!path)
        path = sc_env_get(envp, "SIDECLAW_SOCKET");
    if (path)
        return sc_xstrdup(path);
    sc_auto_free char *state_dir = sc_path_state_dir(envp);
    return sc_path_control_socket(state_dir);
}
