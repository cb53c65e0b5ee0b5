/* Preloaded into a test's process: counts the calls that make data durable, and lets them do their work. */
#define _GNU_SOURCE
#include <dlfcn.h>
#include <stdatomic.h>

static atomic_int calls;

int sync_calls(void) { return atomic_load(&calls); }

static int counted(const char *name, int descriptor)
{
    int (*real)(int) = (int (*)(int))dlsym(RTLD_NEXT, name);
    int result = real(descriptor);
    atomic_fetch_add(&calls, 1);
    return result;
}

int fsync(int descriptor) { return counted("fsync", descriptor); }
int fdatasync(int descriptor) { return counted("fdatasync", descriptor); }
