/* fuse.h: a process that dies in the middle of something. Each effect of a node on the world (a
 * write, a commit, a call back, a packet, a turn) burns the fuse a little; from the moment it is
 * out nothing of that life has an effect, and its world crashes it at the end of the loop's turn.
 * So a crash comes at every step, also between a commit and what was to follow it. */
#ifndef SIDECLAW_TESTS_FUSE_H
#define SIDECLAW_TESTS_FUSE_H

#include <stdbool.h>

struct fuse {
    unsigned left; /* effects until it is out; 0: it does not burn */
    bool out;
};

/* Is it out? NULL never is. Else this effect happens, and counts. */
static inline bool fuse_out(struct fuse *f)
{
    if (!f || f->out)
        return f != 0;
    if (f->left && --f->left == 0)
        f->out = true;
    return f->out;
}

#endif
