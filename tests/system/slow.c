/* Every call on a file below $SLOW_BELOW takes $SLOW_MILLISECONDS longer: a slow disk.
 * Loaded with LD_PRELOAD into one process. Which file is meant is told by its path, or by where
 * /proc/self/fd says that a descriptor leads. */
#define _GNU_SOURCE
#include <dirent.h>
#include <dlfcn.h>
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/statvfs.h>
#include <sys/syscall.h>
#include <sys/uio.h>
#include <time.h>
#include <unistd.h>

static int below(const char *path) {
    const char *top = getenv("SLOW_BELOW");
    size_t length = top ? strlen(top) : 0;
    return length && !strncmp(path, top, length) && (!path[length] || path[length] == '/');
}

static void wait_for_disk(void) {
    int error = errno;
    long milliseconds = atol(getenv("SLOW_MILLISECONDS"));
    struct timespec left = {milliseconds / 1000, milliseconds % 1000 * 1000000};
    while (nanosleep(&left, &left) && errno == EINTR) {}
    errno = error;
}

static int fd_below(int fd) {
    char link[32], path[PATH_MAX];
    snprintf(link, sizeof link, "/proc/self/fd/%d", fd);
    ssize_t length = readlink(link, path, sizeof path - 1);
    if (length < 0) return 0;
    path[length] = 0;
    return below(path);
}

static void by_fd(int fd) { if (fd_below(fd)) wait_for_disk(); }

static void at(int fd, const char *path) {
    int slow = path && *path == '/' ? below(path) : fd != AT_FDCWD && fd_below(fd);
    if (slow) wait_for_disk();
}

#define NEXT(name) ({ static __typeof__(&name) next; if (!next) next = dlsym(RTLD_NEXT, #name); next; })

int openat64(int fd, const char *path, int flags, ...) {
    va_list rest; va_start(rest, flags); mode_t mode = va_arg(rest, mode_t); va_end(rest);
    at(fd, path);
    return NEXT(openat64)(fd, path, flags, mode);
}
int open64(const char *path, int flags, ...) {
    va_list rest; va_start(rest, flags); mode_t mode = va_arg(rest, mode_t); va_end(rest);
    at(AT_FDCWD, path);
    return NEXT(open64)(path, flags, mode);
}
int fstatat64(int fd, const char *path, struct stat64 *to, int flags) {
    at(fd, path);
    return NEXT(fstatat64)(fd, path, to, flags);
}
int stat64(const char *path, struct stat64 *to) { at(AT_FDCWD, path); return NEXT(stat64)(path, to); }
int lstat64(const char *path, struct stat64 *to) { at(AT_FDCWD, path); return NEXT(lstat64)(path, to); }
int fstat64(int fd, struct stat64 *to) { by_fd(fd); return NEXT(fstat64)(fd, to); }
int faccessat(int fd, const char *path, int mode, int flags) {
    at(fd, path);
    return NEXT(faccessat)(fd, path, mode, flags);
}
ssize_t preadv64v2(int fd, const struct iovec *to, int count, off64_t offset, int flags) {
    if (flags & RWF_NOWAIT) { /* such a disk has nothing in memory */
        if (fd_below(fd)) { errno = EAGAIN; return -1; }
    } else by_fd(fd);
    return NEXT(preadv64v2)(fd, to, count, offset, flags);
}
ssize_t preadv64(int fd, const struct iovec *to, int count, off64_t offset) {
    by_fd(fd);
    return NEXT(preadv64)(fd, to, count, offset);
}
ssize_t pread64(int fd, void *to, size_t size, off64_t offset) {
    by_fd(fd);
    return NEXT(pread64)(fd, to, size, offset);
}
ssize_t pwritev64v2(int fd, const struct iovec *from, int count, off64_t offset, int flags) {
    by_fd(fd);
    return NEXT(pwritev64v2)(fd, from, count, offset, flags);
}
ssize_t pwritev64(int fd, const struct iovec *from, int count, off64_t offset) {
    by_fd(fd);
    return NEXT(pwritev64)(fd, from, count, offset);
}
ssize_t pwrite64(int fd, const void *from, size_t size, off64_t offset) {
    by_fd(fd);
    return NEXT(pwrite64)(fd, from, size, offset);
}
int renameat(int from, const char *old, int to, const char *new) {
    at(from, old);
    return NEXT(renameat)(from, old, to, new);
}
int renameat2(int from, const char *old, int to, const char *new, unsigned flags) {
    at(from, old);
    return NEXT(renameat2)(from, old, to, new, flags);
}
int unlinkat(int fd, const char *path, int flags) { at(fd, path); return NEXT(unlinkat)(fd, path, flags); }
int mkdirat(int fd, const char *path, mode_t mode) { at(fd, path); return NEXT(mkdirat)(fd, path, mode); }
int symlinkat(const char *to, int fd, const char *path) { at(fd, path); return NEXT(symlinkat)(to, fd, path); }
ssize_t readlinkat(int fd, const char *path, char *to, size_t size) {
    at(fd, path);
    return NEXT(readlinkat)(fd, path, to, size);
}
int fsync(int fd) { by_fd(fd); return NEXT(fsync)(fd); }
int fdatasync(int fd) { by_fd(fd); return NEXT(fdatasync)(fd); }
int ftruncate64(int fd, off64_t size) { by_fd(fd); return NEXT(ftruncate64)(fd, size); }
int fchmod(int fd, mode_t mode) { by_fd(fd); return NEXT(fchmod)(fd, mode); }
int futimens(int fd, const struct timespec times[2]) { by_fd(fd); return NEXT(futimens)(fd, times); }
int fstatvfs64(int fd, struct statvfs64 *to) { by_fd(fd); return NEXT(fstatvfs64)(fd, to); }
DIR *fdopendir(int fd) { by_fd(fd); return NEXT(fdopendir)(fd); }

/* openat2 has no function of its own in the C library. */
long syscall(long number, ...) {
    long a[6];
    va_list rest;
    va_start(rest, number);
    for (int index = 0; index < 6; index++) a[index] = va_arg(rest, long);
    va_end(rest);
    if (number == SYS_openat2) at((int)a[0], (const char *)a[1]);
    return NEXT(syscall)(number, a[0], a[1], a[2], a[3], a[4], a[5]);
}
