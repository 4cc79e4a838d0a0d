/* SPDX-License-Identifier: Apache-2.0 */
/* Calls that have a safe replacement in this tree do not compile. */
#ifndef RC_BANNED_H
#define RC_BANNED_H

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#undef strcpy
#undef strcat
#undef sprintf
#undef vsprintf
#undef strtok
#undef gets
#pragma GCC poison strcpy strcat sprintf vsprintf strtok gets atoi atol atof strncpy strncat

#endif
