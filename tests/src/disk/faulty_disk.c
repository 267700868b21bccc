/*
 * A disk that errs, preloaded before a process under test: what SQLite writes to, syncs or lengthens fails as the file that
 * FAULTY_DISK_SWITCH names says. Its bytes: percent of writes, percent of syncs, percent of lengthenings, errno.
 * Of the writes that fail every second one has written half before. Only files of databases (.db, -wal, -journal) are
 * concerned.
 */
#define _GNU_SOURCE
#include <dlfcn.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/types.h>
#include <unistd.h>

enum { WRITES, SYNCS, LENGTHENINGS, ERRNO, SIZE };

static const volatile unsigned char *setting(void) {
    static const volatile unsigned char *mapped;
    static int tried;
    if (!tried) {
        tried = 1;
        const char *path = getenv("FAULTY_DISK_SWITCH");
        int fd = path ? open(path, O_RDONLY | O_CLOEXEC) : -1;
        if (fd >= 0) {
            void *at = mmap(NULL, SIZE, PROT_READ, MAP_SHARED, fd, 0);
            if (at != MAP_FAILED)
                mapped = at;
            close(fd);
        }
    }
    return mapped;
}

static int ends_with(const char *text, const char *end) {
    size_t length = strlen(text), tail = strlen(end);
    return length >= tail && strcmp(text + length - tail, end) == 0;
}

static int is_of_a_database(int fd) {
    char link[64], path[4096];
    snprintf(link, sizeof link, "/proc/self/fd/%d", fd);
    ssize_t length = readlink(link, path, sizeof path - 1);
    if (length <= 0)
        return 0;
    path[length] = 0;
    return ends_with(path, ".db") || ends_with(path, ".db-wal") || ends_with(path, ".db-journal");
}

static int strikes(int what, int fd) {
    static __thread unsigned int seed;
    const volatile unsigned char *now = setting();
    if (!now || now[what] == 0 || !is_of_a_database(fd))
        return 0;
    if (!seed)
        seed = (unsigned int)getpid() ^ (unsigned int)(size_t)&seed;
    if (rand_r(&seed) % 100 >= now[what])
        return 0;
    errno = now[ERRNO];
    return 1 + (int)(rand_r(&seed) % 2);
}

#define REAL(name) ({ static __typeof__(name) *real; if (!real) real = dlsym(RTLD_NEXT, #name); real; })

ssize_t write(int fd, const void *bytes, size_t count) {
    int struck = strikes(WRITES, fd);
    if (struck) {
        int error = errno;
        if (struck == 2)
            (void)!REAL(write)(fd, bytes, count / 2);
        errno = error;
        return -1;
    }
    return REAL(write)(fd, bytes, count);
}

ssize_t pwrite64(int fd, const void *bytes, size_t count, off64_t at) {
    int struck = strikes(WRITES, fd);
    if (struck) {
        int error = errno;
        if (struck == 2)
            (void)!REAL(pwrite64)(fd, bytes, count / 2, at);
        errno = error;
        return -1;
    }
    return REAL(pwrite64)(fd, bytes, count, at);
}

int fsync(int fd) {
    return strikes(SYNCS, fd) ? -1 : REAL(fsync)(fd);
}

int fdatasync(int fd) {
    return strikes(SYNCS, fd) ? -1 : REAL(fdatasync)(fd);
}

int ftruncate64(int fd, off64_t length) {
    return strikes(LENGTHENINGS, fd) ? -1 : REAL(ftruncate64)(fd, length);
}
