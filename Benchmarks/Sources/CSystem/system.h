#pragma once
// What Glibc's Swift module leaves out.
#include <sys/epoll.h>
#include <sys/prctl.h>
#include <string.h>

static inline void sleep_to_the_nanosecond(void) { prctl(PR_SET_TIMERSLACK, 1); }

// memmem is a GNU extension, and Swift imports headers without it.
void *memmem(const void *haystack, size_t length, const void *needle, size_t needle_length);
