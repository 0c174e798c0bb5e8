/* folder.h: a folder of the test's own, made before it and gone after it:
 *   TestSuite(name, .init = folder_make, .fini = folder_remove); */
#ifndef SIDECLAW_TESTS_FOLDER_H
#define SIDECLAW_TESTS_FOLDER_H

#include <criterion/criterion.h>
#include <stdio.h>
#include <stdlib.h>

/* Criterion runs each test in a process of its own, so there is one. */
static char folder[] = "/tmp/sc-test-XXXXXX";

static inline void folder_make(void)
{
    cr_assert(mkdtemp(folder));
}

static inline void folder_remove(void)
{
    char command[sizeof folder + 8];
    (void)snprintf(command, sizeof command, "rm -rf %s", folder);
    cr_assert_eq(system(command), 0);
}

#endif
