/* banned.h: functions that a reader should never have to audit are compile errors here.
 * Forced into every file by -include, after the headers that declare them. */
#ifndef SIDECLAW_BANNED_H
#define SIDECLAW_BANNED_H

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#define SC_BANNED(name) sc_banned_##name##_is_not_allowed_here

#undef strcpy
#define strcpy(a, b) SC_BANNED(strcpy)
#undef strcat
#define strcat(a, b) SC_BANNED(strcat)
#undef strncpy
#define strncpy(a, b, c) SC_BANNED(strncpy)
#undef strncat
#define strncat(a, b, c) SC_BANNED(strncat)
#undef sprintf
#define sprintf(...) SC_BANNED(sprintf)
#undef vsprintf
#define vsprintf(a, b, c) SC_BANNED(vsprintf)
#undef strtok
#define strtok(a, b) SC_BANNED(strtok)
#undef atoi
#define atoi(a) SC_BANNED(atoi)
#undef gmtime
#define gmtime(a) SC_BANNED(gmtime)
#undef localtime
#define localtime(a) SC_BANNED(localtime)

#endif
