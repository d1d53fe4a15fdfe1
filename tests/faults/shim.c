/* What a process does to the files of one folder, step by step: loaded before the C library (LD_PRELOAD), so that
 * Python, Arrow and SQLite are seen alike. tests/faults/disk.py compiles it and reads what it writes.
 *
 * Below `root` every call that changes the disk is a step. At step `last` the process is killed, before it or half way
 * through a write, or the call fails. A step that was taken is a line in the log: what, path, number, whether it failed.
 * Beside the log, `synced/INODE` holds each file as it was last synced, and `held/INODE` what was removed. The log is
 * written after the call: what a kill leaves out of it counts as never synced, which is true.
 */
#define _GNU_SOURCE
#include <dlfcn.h>
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <pthread.h>
#include <signal.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>
#include <sys/sendfile.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

enum { KILL = 0, HALF = -1 }; /* else the errno to fail with */
typedef char Path[PATH_MAX];

static Path root, notes;
static int log_fd = -1, act;
static long step, last;
static pid_t owner;
static pthread_mutex_t one = PTHREAD_MUTEX_INITIALIZER;

#define REAL(name) ((__typeof__(&name))dlsym(RTLD_NEXT, #name))

void shim_begin(const char *folder, const char *beside, long at, int how) {
    snprintf(root, sizeof root, "%s", folder);
    snprintf(notes, sizeof notes, "%s", beside);
    step = 0, last = at, act = how, owner = getpid();
    Path log;
    snprintf(log, sizeof log, "%.4000s/log", beside);
    log_fd = REAL(open)(log, O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC, 0600);
}

static int is_below(const char *path) {
    size_t n = strlen(root);
    return strncmp(path, root, n) == 0 && (path[n] == '/' || path[n] == 0);
}

/* Whether calls are watched, and the path is below the root. */
static int named(int dir, const char *path, char *out) {
    if (log_fd < 0 || getpid() != owner) return 0;
    if (path[0] == '/') return snprintf(out, PATH_MAX, "%s", path), is_below(out);
    Path link;
    if (dir == AT_FDCWD) snprintf(link, sizeof link, "/proc/self/cwd");
    else snprintf(link, sizeof link, "/proc/self/fd/%d", dir);
    ssize_t n = readlink(link, out, PATH_MAX - 1);
    return n > 0 && (snprintf(out + n, PATH_MAX - n, "/%s", path), is_below(out));
}

static int opened(int fd, char *out) {
    if (log_fd < 0 || getpid() != owner) return 0;
    Path link;
    snprintf(link, sizeof link, "/proc/self/fd/%d", fd);
    ssize_t n = readlink(link, out, PATH_MAX - 1);
    return n > 0 && (out[n] = 0, is_below(out));
}

/* Enter a step: 0, or -1 with errno where it is to fail. `room`: whether a full disk refuses it. */
static int enter(int room, int writes) {
    pthread_mutex_lock(&one);
    step++;
    if (step == last && (act == KILL || (act == HALF && !writes))) kill(owner, SIGKILL), pause();
    int fails = act > 0 && last && (step == last || (act == ENOSPC && step > last));
    if (!fails || (act == ENOSPC && !room)) return 0;
    errno = act;
    return -1;
}

static void leave(const char *what, const char *path, const char *more, long number, long result) {
    int kept = errno;
    char line[2 * PATH_MAX + 100];
    int n = snprintf(line, sizeof line, "%s\t%s\t%s\t%ld\t%d\n", what, path, more, number, result < 0);
    syscall(SYS_write, log_fd, line, n);
    pthread_mutex_unlock(&one);
    errno = kept;
}

static long inode(const char *path) {
    struct stat s;
    return lstat(path, &s) ? 0 : (long)s.st_ino;
}

static void hold(const char *path) {
    struct stat s;
    Path to;
    if (lstat(path, &s) || !S_ISREG(s.st_mode)) return;
    snprintf(to, sizeof to, "%.4000s/held/%ld", notes, (long)s.st_ino);
    syscall(SYS_linkat, AT_FDCWD, path, AT_FDCWD, to, 0);
}

/* Keep what a file holds now as what is on the disk. */
static void keep(int fd, long number) {
    Path from, to, begun;
    snprintf(from, sizeof from, "/proc/self/fd/%d", fd);
    snprintf(to, sizeof to, "%.4000s/synced/%ld", notes, number);
    snprintf(begun, sizeof begun, "%.4000s/synced/begun", notes);
    int in = syscall(SYS_openat, AT_FDCWD, from, O_RDONLY), n;
    int out = syscall(SYS_openat, AT_FDCWD, begun, O_WRONLY | O_CREAT | O_TRUNC, 0600);
    static char block[1 << 16];
    while ((n = syscall(SYS_read, in, block, sizeof block)) > 0) syscall(SYS_write, out, block, n);
    syscall(SYS_close, in), syscall(SYS_close, out);
    syscall(SYS_rename, begun, to);
}

#define WRITE(name, arguments, call, half)                                      \
    ssize_t name arguments {                                                    \
        Path path;                                                              \
        if (!opened(fd, path)) return REAL(name) call;                          \
        ssize_t done = enter(1, 1);                                             \
        if (!done && step == last && act == HALF) {                             \
            size /= 2;                                                          \
            REAL(name) half;                                                    \
            kill(owner, SIGKILL), pause();                                      \
        }                                                                       \
        done = done ? done : REAL(name) call;                                   \
        return leave("write", path, "", 0, done), done;                         \
    }

WRITE(write, (int fd, const void *data, size_t size), (fd, data, size), (fd, data, size))
WRITE(pwrite, (int fd, const void *data, size_t size, off_t at), (fd, data, size, at), (fd, data, size, at))
WRITE(pwrite64, (int fd, const void *data, size_t size, off64_t at), (fd, data, size, at), (fd, data, size, at))
WRITE(sendfile, (int fd, int in, off_t *at, size_t size), (fd, in, at, size), (fd, in, at, size))
WRITE(sendfile64, (int fd, int in, off64_t *at, size_t size), (fd, in, at, size), (fd, in, at, size))

#define SYNC(name)                                                              \
    int name(int fd) {                                                          \
        Path path;                                                              \
        struct stat s;                                                          \
        if (!opened(fd, path)) return REAL(name)(fd);                           \
        int done = enter(1, 0);                                                 \
        done = done ? done : REAL(name)(fd);                                    \
        fstat(fd, &s);                                                          \
        if (!done && !S_ISDIR(s.st_mode)) keep(fd, (long)s.st_ino);             \
        return leave(S_ISDIR(s.st_mode) ? "sync folder" : "sync", path, "", (long)s.st_ino, done), done; \
    }

SYNC(fsync)
SYNC(fdatasync)

#define CUT(name, type)                                                         \
    int name(int fd, type size) {                                               \
        Path path;                                                              \
        struct stat s;                                                          \
        if (!opened(fd, path)) return REAL(name)(fd, size);                     \
        int done = enter(1, 0);                                                 \
        done = done ? done : REAL(name)(fd, size);                              \
        fstat(fd, &s);                                                          \
        char number[30];                                                        \
        snprintf(number, sizeof number, "%ld", (long)s.st_ino);                 \
        return leave("truncate", path, number, size, done), done;               \
    }

CUT(ftruncate, off_t)
CUT(ftruncate64, off64_t)

/* An opening that makes a file, or empties one, is a step; `call` opens. */
#define OPENING(result, failed, where, flags, call)                             \
    Path path;                                                                  \
    struct stat s;                                                              \
    if (!((flags) & (O_CREAT | O_TRUNC)) || !named(where, name, path)) return call;           \
    long number = stat(path, &s) ? 0 : (long)s.st_ino;                          \
    if (number && !((flags) & O_TRUNC)) return call;                            \
    result opened_as = enter(1, 0) ? failed : call;                             \
    char text[30];                                                              \
    snprintf(text, sizeof text, "%ld", number);                                 \
    if (number) leave("truncate", path, text, 0, opened_as == failed ? -1 : 0); \
    else leave("create", path, "", inode(path), opened_as == failed ? -1 : 0);  \
    return opened_as

#define MODE                                                                    \
    va_list rest;                                                               \
    va_start(rest, flags);                                                      \
    int mode = flags & (O_CREAT | O_TMPFILE) ? va_arg(rest, int) : 0;           \
    va_end(rest)

int open(const char *name, int flags, ...) { MODE; OPENING(int, -1, AT_FDCWD, flags, REAL(open)(name, flags, mode)); }
int open64(const char *name, int flags, ...) { MODE; OPENING(int, -1, AT_FDCWD, flags, REAL(open64)(name, flags, mode)); }
int openat(int dir, const char *name, int flags, ...) { MODE; OPENING(int, -1, dir, flags, REAL(openat)(dir, name, flags, mode)); }
int openat64(int dir, const char *name, int flags, ...) { MODE; OPENING(int, -1, dir, flags, REAL(openat64)(dir, name, flags, mode)); }
FILE *fopen(const char *name, const char *how) { OPENING(FILE *, NULL, AT_FDCWD, how[0] == 'w' ? O_CREAT | O_TRUNC : 0, REAL(fopen)(name, how)); }
FILE *fopen64(const char *name, const char *how) { OPENING(FILE *, NULL, AT_FDCWD, how[0] == 'w' ? O_CREAT | O_TRUNC : 0, REAL(fopen64)(name, how)); }

/* Names: one path, or two. */
#define NAME(function, arguments, call, dir, what, room, before)                \
    int function arguments {                                                    \
        Path path;                                                              \
        if (!named(dir, name, path)) return REAL(function) call;                \
        int done = enter(room, 0);                                              \
        if (!done) { before; done = REAL(function) call; }                      \
        return leave(what, path, "", inode(path), done), done;                  \
    }
#define NAMES(function, arguments, call, dir, to_dir, what)                     \
    int function arguments {                                                    \
        Path path, other;                                                       \
        if (!named(dir, name, path) || !named(to_dir, to, other)) return REAL(function) call; \
        int done = enter(1, 0);                                                 \
        if (!done) { hold(other); done = REAL(function) call; }                 \
        return leave(what, path, other, 0, done), done;                         \
    }

NAME(unlink, (const char *name), (name), AT_FDCWD, "unlink", 0, hold(path))
NAME(unlinkat, (int dir, const char *name, int flags), (dir, name, flags), dir, flags ? "rmdir" : "unlink", 0, hold(path))
NAME(rmdir, (const char *name), (name), AT_FDCWD, "rmdir", 0, )
NAME(mkdir, (const char *name, mode_t mode), (name, mode), AT_FDCWD, "mkdir", 1, )
NAME(mkdirat, (int dir, const char *name, mode_t mode), (dir, name, mode), dir, "mkdir", 1, )
NAMES(rename, (const char *name, const char *to), (name, to), AT_FDCWD, AT_FDCWD, "rename")
NAMES(renameat, (int dir, const char *name, int to_dir, const char *to), (dir, name, to_dir, to), dir, to_dir, "rename")
NAMES(link, (const char *name, const char *to), (name, to), AT_FDCWD, AT_FDCWD, "link")
NAMES(linkat, (int dir, const char *name, int to_dir, const char *to, int flags), (dir, name, to_dir, to, flags), dir, to_dir, "link")
