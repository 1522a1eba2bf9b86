/*
 * recorder.c: a Linux LD_PRELOAD library that writes down what a program does to its files.
 *
 * Rule. Every call that changes a file, a directory entry or the state of a disk below AMANA_FAULTS_ROOT is
 * made for real, and then appended to the trace file AMANA_FAULTS_TRACE, both under one lock. The order of the
 * records is therefore the order of the calls, across threads (a mutex) and across forked or spawned processes
 * (flock on the trace; each process opens the trace for itself). A record's sequence number is its place in
 * the trace, counted from 1. Calls that fail are not recorded. Short writes are recorded as short.
 * Writes to the file AMANA_FAULTS_ACKS are recorded as acknowledgements: what the program told the outside
 * world, in the same order as everything else. disk.py reads the trace and rebuilds disks from it.
 *
 * No table of descriptors is kept: the file behind a descriptor is asked of /proc/self/fd each time, so dup,
 * close, fork and vfork need no interception. Files are told apart by inode number, so that writes through a
 * descriptor follow the file through renames and unlinks. No descriptor of a watched file is ever opened or
 * closed here: closing one would drop the program's POSIX locks.
 *
 * Not recorded: stores through shared memory maps, stdio (fopen), and anything that avoids libc's symbols.
 * rig.py compares the replayed trace with the real directory after each run, so such a write is found out.
 * Calls that a program can do without (sendfile, copy_file_range, fallocate, O_TMPFILE, RENAME_EXCHANGE, moves
 * across the edge of the root) are refused with an error that callers fall back from.
 *
 * Record, little-endian, packed: u32 magic, u8 operation, u32 pid, u64 inode, i64 offset, u64 length,
 * u32 path bytes, u32 target bytes, u32 payload bytes; then path, target, payload.
 */
#define _GNU_SOURCE
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <pthread.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/uio.h>
#include <unistd.h>

_Static_assert(sizeof(long) == 8, "the raw system calls below assume a 64-bit Linux");

enum operation { /* the same numbers as Kind in disk.py */
    OP_CREATE = 1, OP_WRITE, OP_TRUNCATE, OP_SYNC, OP_SYNC_RANGE, OP_SYNC_ALL,
    OP_RENAME, OP_UNLINK, OP_MKDIR, OP_LINK, OP_ACK,
};
enum place { ELSEWHERE, BELOW_ROOT, ACKS };

#define MAGIC 0x31464d41u /* "AMF1" */
#define TRACE_FD_FROM 700 /* out of the way of programs that count on low numbers */
#define PATH_BYTES (2 * PATH_MAX)

struct __attribute__((packed)) header {
    uint32_t magic;
    uint8_t operation;
    uint32_t pid;
    uint64_t inode;
    int64_t offset;
    uint64_t length;
    uint32_t path_bytes, target_bytes, payload_bytes;
};

static char root[PATH_MAX], acks[PATH_MAX], trace[PATH_MAX];
static size_t root_length; /* 0: record nothing */
static int trace_fd = -1;
static pthread_mutex_t mutex = PTHREAD_MUTEX_INITIALIZER;

static void die(const char *why)
{
    char line[160];
    int n = snprintf(line, sizeof line, "recorder: %s (errno %d)\n", why, errno);
    syscall(SYS_write, 2, line, (size_t)n);
    abort(); /* a trace with a hole proves nothing */
}

static void open_trace(void)
{
    long fd = syscall(SYS_openat, AT_FDCWD, trace, O_WRONLY | O_APPEND | O_CREAT | O_CLOEXEC, 0600);
    if (fd < 0) die("cannot open the trace");
    trace_fd = fcntl((int)fd, F_DUPFD_CLOEXEC, TRACE_FD_FROM);
    if (trace_fd < 0) die("cannot place the trace descriptor");
    syscall(SYS_close, fd);
}

static void before_fork(void) { pthread_mutex_lock(&mutex); }
static void after_fork_in_parent(void) { pthread_mutex_unlock(&mutex); }
static void after_fork_in_child(void)
{
    syscall(SYS_close, trace_fd);
    open_trace(); /* an inherited description would share the parent's flock */
    pthread_mutex_unlock(&mutex);
}

static void copy_setting(char *to, const char *name)
{
    const char *value = getenv(name);
    if (value && strlen(value) < PATH_MAX) strcpy(to, value);
}

__attribute__((constructor)) static void start(void)
{
    copy_setting(root, "AMANA_FAULTS_ROOT");
    copy_setting(acks, "AMANA_FAULTS_ACKS");
    copy_setting(trace, "AMANA_FAULTS_TRACE");
    if (!root[0] || !trace[0]) return;
    open_trace();
    pthread_atfork(before_fork, after_fork_in_parent, after_fork_in_child);
    root_length = strlen(root);
}

/* ---- where a path or a descriptor leads ------------------------------------------------------------- */

static enum place place_of(const char *path)
{
    if (!root_length) return ELSEWHERE;
    if (strncmp(path, root, root_length) == 0 && (path[root_length] == '/' || !path[root_length]))
        return BELOW_ROOT;
    return acks[0] && strcmp(path, acks) == 0 ? ACKS : ELSEWHERE;
}

static enum place locate(int fd, char *path)
{
    static const char gone[] = " (deleted)";
    char link[40];
    int saved = errno;
    path[0] = 0;
    if (!root_length || fd < 0) return ELSEWHERE;
    snprintf(link, sizeof link, "/proc/self/fd/%d", fd);
    long n = syscall(SYS_readlinkat, AT_FDCWD, link, path, PATH_MAX - 1);
    errno = saved;
    if (n <= 0) return ELSEWHERE;
    path[n] = 0;
    size_t tail = sizeof gone - 1;
    if ((size_t)n > tail && strcmp(path + n - tail, gone) == 0) path[n - tail] = 0;
    return place_of(path);
}

/* The name's parent directory with every link resolved, then its last component. */
static enum place locate_name(int at, const char *name, char *path)
{
    char parent[PATH_MAX];
    size_t length = name ? strlen(name) : 0;
    int saved = errno;
    path[0] = 0;
    if (!root_length || !length || length >= PATH_MAX) return ELSEWHERE;
    memcpy(parent, name, length + 1);
    while (length > 1 && parent[length - 1] == '/') parent[--length] = 0;
    char *slash = strrchr(parent, '/');
    const char *last = slash ? slash + 1 : parent;
    const char *folder = !slash ? "." : slash == parent ? "/" : parent;
    char component[NAME_MAX + 1];
    if (strlen(last) > NAME_MAX) return ELSEWHERE;
    strcpy(component, last);
    if (slash && slash != parent) *slash = 0;
    long fd = syscall(SYS_openat, at, folder, O_PATH | O_DIRECTORY | O_CLOEXEC, 0);
    errno = saved;
    if (fd < 0) return ELSEWHERE;
    locate((int)fd, path);
    syscall(SYS_close, fd);
    errno = saved;
    length = strlen(path);
    snprintf(path + length, PATH_BYTES - length, "%s%s", length && path[length - 1] == '/' ? "" : "/", component);
    return place_of(path);
}

/* ---- writing the trace ------------------------------------------------------------------------------ */

static void begin(void)
{
    pthread_mutex_lock(&mutex);
    while (syscall(SYS_flock, trace_fd, LOCK_EX) != 0)
        if (errno != EINTR) die("cannot lock the trace");
}

static void end(void)
{
    int saved = errno;
    syscall(SYS_flock, trace_fd, LOCK_UN);
    pthread_mutex_unlock(&mutex);
    errno = saved;
}

struct entry {
    enum operation operation;
    uint64_t inode;
    int64_t offset;
    uint64_t length;
    const char *path, *target;
    const void *payload;
    size_t payload_bytes;
};

static const char *below_root(const char *path)
{
    if (!path || place_of(path) != BELOW_ROOT) return "";
    return path[root_length] ? path + root_length + 1 : "";
}

static void append(struct entry e)
{
    int saved = errno;
    const char *path = below_root(e.path), *target = below_root(e.target);
    struct header h = {MAGIC, (uint8_t)e.operation, (uint32_t)getpid(), e.inode, e.offset, e.length,
                       (uint32_t)strlen(path), (uint32_t)strlen(target), (uint32_t)e.payload_bytes};
    struct iovec parts[] = {{&h, sizeof h}, {(void *)path, h.path_bytes}, {(void *)target, h.target_bytes},
                            {(void *)e.payload, h.payload_bytes}};
    long all = (long)(sizeof h + h.path_bytes + h.target_bytes + h.payload_bytes);
    if (syscall(SYS_writev, trace_fd, parts, 4) != all) die("cannot append to the trace");
    errno = saved;
}

static uint64_t inode_of(int fd)
{
    struct stat s;
    if (fstat(fd, &s) != 0) die("cannot stat a watched file");
    return s.st_ino;
}

static int refuse(int error)
{
    errno = error;
    return -1;
}

/* ---- opening ---------------------------------------------------------------------------------------- */

static int opened(int at, const char *name, int flags, mode_t mode)
{
    char path[PATH_BYTES];
    struct stat before, after;
    int makes = (flags & (O_CREAT | O_TRUNC)) || (flags & O_TMPFILE) == O_TMPFILE;
    if (!makes || locate_name(at, name, path) != BELOW_ROOT)
        return (int)syscall(SYS_openat, at, name, flags, mode);
    if ((flags & O_TMPFILE) == O_TMPFILE) return refuse(EOPNOTSUPP);
    begin();
    int saved = errno;
    int existed = fstatat(at, name, &before, 0) == 0;
    errno = saved;
    int fd = (int)syscall(SYS_openat, at, name, flags, mode);
    if (fd >= 0 && locate(fd, path) == BELOW_ROOT && fstat(fd, &after) == 0) {
        if (!existed)
            append((struct entry){.operation = OP_CREATE, .inode = after.st_ino, .path = path});
        else if ((flags & O_TRUNC) && before.st_size > 0)
            append((struct entry){.operation = OP_TRUNCATE, .inode = after.st_ino, .path = path});
    }
    end();
    return fd;
}

static mode_t mode_argument(int flags, va_list rest)
{
    return (flags & O_CREAT) || (flags & O_TMPFILE) == O_TMPFILE ? va_arg(rest, mode_t) : 0;
}

#define OPEN(NAME)                                               \
    int NAME(const char *name, int flags, ...)                   \
    {                                                            \
        va_list rest;                                            \
        va_start(rest, flags);                                   \
        mode_t mode = mode_argument(flags, rest);                \
        va_end(rest);                                            \
        return opened(AT_FDCWD, name, flags, mode);              \
    }
#define OPENAT(NAME)                                             \
    int NAME(int at, const char *name, int flags, ...)           \
    {                                                            \
        va_list rest;                                            \
        va_start(rest, flags);                                   \
        mode_t mode = mode_argument(flags, rest);                \
        va_end(rest);                                            \
        return opened(at, name, flags, mode);                    \
    }
OPEN(open)
OPEN(open64)
OPENAT(openat)
OPENAT(openat64)
int creat(const char *name, mode_t mode) { return opened(AT_FDCWD, name, O_CREAT | O_WRONLY | O_TRUNC, mode); }
int creat64(const char *name, mode_t mode) { return creat(name, mode); }
/* The names that programs built with _FORTIFY_SOURCE call. */
int __open_2(const char *name, int flags) { return opened(AT_FDCWD, name, flags, 0); }
int __open64_2(const char *name, int flags) { return opened(AT_FDCWD, name, flags, 0); }
int __openat_2(int at, const char *name, int flags) { return opened(at, name, flags, 0); }
int __openat64_2(int at, const char *name, int flags) { return opened(at, name, flags, 0); }

/* ---- writing ---------------------------------------------------------------------------------------- */

#define HERE (-1) /* at the descriptor's own position, as pwritev2 has it */

static void append_write(int fd, enum place place, const char *path, const struct iovec *parts, int count,
                         off_t offset, size_t bytes)
{
    char *joined = NULL;
    if (count > 1) {
        size_t filled = 0;
        if (!(joined = malloc(bytes))) die("no memory for a payload");
        for (int i = 0; i < count && filled < bytes; i++) {
            size_t some = parts[i].iov_len < bytes - filled ? parts[i].iov_len : bytes - filled;
            memcpy(joined + filled, parts[i].iov_base, some);
            filled += some;
        }
    }
    append((struct entry){.operation = place == ACKS ? OP_ACK : OP_WRITE, .inode = inode_of(fd),
                          .offset = offset, .length = bytes, .path = path,
                          .payload = joined ? joined : parts[0].iov_base, .payload_bytes = bytes});
    free(joined);
}

static ssize_t written(int fd, const struct iovec *parts, int count, off_t offset, int how)
{
    char path[PATH_BYTES];
    enum place place = locate(fd, path);
    if (place == ELSEWHERE) return syscall(SYS_pwritev2, fd, parts, count, offset, 0L, how);
    begin();
    struct stat before;
    int flags = fcntl(fd, F_GETFL);
    int appends = (flags & O_APPEND) || (how & RWF_APPEND);
    if (fstat(fd, &before) != 0) die("cannot stat a watched file");
    ssize_t n = syscall(SYS_pwritev2, fd, parts, count, offset, 0L, how);
    if (n > 0) {
        off_t at = appends ? before.st_size : offset != HERE ? offset : lseek(fd, 0, SEEK_CUR) - n;
        append_write(fd, place, path, parts, count, at, (size_t)n);
        if (place == BELOW_ROOT && ((flags & (O_SYNC | O_DSYNC)) || (how & (RWF_SYNC | RWF_DSYNC))))
            append((struct entry){.operation = OP_SYNC, .inode = before.st_ino, .path = path});
    }
    end();
    return n;
}

ssize_t write(int fd, const void *data, size_t n)
{
    char path[PATH_BYTES];
    if (locate(fd, path) == ELSEWHERE) return syscall(SYS_write, fd, data, n);
    return written(fd, &(struct iovec){(void *)data, n}, 1, HERE, 0);
}

ssize_t pwrite64(int fd, const void *data, size_t n, off64_t offset)
{
    if (offset < 0) return refuse(EINVAL);
    return written(fd, &(struct iovec){(void *)data, n}, 1, offset, 0);
}

ssize_t pwrite(int fd, const void *data, size_t n, off_t offset) { return pwrite64(fd, data, n, offset); }

ssize_t writev(int fd, const struct iovec *parts, int count)
{
    char path[PATH_BYTES];
    if (locate(fd, path) == ELSEWHERE) return syscall(SYS_writev, fd, parts, count);
    return written(fd, parts, count, HERE, 0);
}

ssize_t pwritev64(int fd, const struct iovec *parts, int count, off64_t offset)
{
    return offset < 0 ? refuse(EINVAL) : written(fd, parts, count, offset, 0);
}

ssize_t pwritev(int fd, const struct iovec *parts, int count, off_t offset)
{
    return pwritev64(fd, parts, count, offset);
}

ssize_t pwritev2(int fd, const struct iovec *parts, int count, off_t offset, int how)
{
    return written(fd, parts, count, offset, how);
}

ssize_t pwritev64v2(int fd, const struct iovec *parts, int count, off64_t offset, int how)
{
    return written(fd, parts, count, offset, how);
}

int ftruncate64(int fd, off64_t length)
{
    char path[PATH_BYTES];
    if (locate(fd, path) != BELOW_ROOT) return (int)syscall(SYS_ftruncate, fd, length);
    begin();
    int result = (int)syscall(SYS_ftruncate, fd, length);
    if (result == 0)
        append((struct entry){.operation = OP_TRUNCATE, .inode = inode_of(fd), .length = (uint64_t)length,
                              .path = path});
    end();
    return result;
}

int ftruncate(int fd, off_t length) { return ftruncate64(fd, length); }

int truncate64(const char *name, off64_t length)
{
    char path[PATH_BYTES];
    struct stat s;
    if (locate_name(AT_FDCWD, name, path) != BELOW_ROOT) return (int)syscall(SYS_truncate, name, length);
    begin();
    int result = (int)syscall(SYS_truncate, name, length);
    if (result == 0 && stat(name, &s) == 0)
        append((struct entry){.operation = OP_TRUNCATE, .inode = s.st_ino, .length = (uint64_t)length,
                              .path = path});
    end();
    return result;
}

int truncate(const char *name, off_t length) { return truncate64(name, length); }

/* Ways of writing whose bytes never pass through here: callers have another way. */
static int watched(int fd)
{
    char path[PATH_BYTES];
    return locate(fd, path) != ELSEWHERE;
}

ssize_t sendfile64(int to, int from, off64_t *offset, size_t n)
{
    return watched(to) ? refuse(EINVAL) : syscall(SYS_sendfile, to, from, offset, n);
}

ssize_t sendfile(int to, int from, off_t *offset, size_t n) { return sendfile64(to, from, offset, n); }

ssize_t copy_file_range(int from, off64_t *in, int to, off64_t *out, size_t n, unsigned flags)
{
    return watched(to) ? refuse(EXDEV) : syscall(SYS_copy_file_range, from, in, to, out, n, flags);
}

int fallocate64(int fd, int mode, off64_t offset, off64_t length)
{
    return watched(fd) ? refuse(EOPNOTSUPP) : (int)syscall(SYS_fallocate, fd, mode, offset, length);
}

int fallocate(int fd, int mode, off_t offset, off_t length) { return fallocate64(fd, mode, offset, length); }

int posix_fallocate64(int fd, off64_t offset, off64_t length)
{
    int saved = errno;
    int error = fallocate64(fd, 0, offset, length) == 0 ? 0 : errno;
    errno = saved;
    return error; /* returned, not set: as POSIX has it */
}

int posix_fallocate(int fd, off_t offset, off_t length) { return posix_fallocate64(fd, offset, length); }

/* ---- syncing ---------------------------------------------------------------------------------------- */

static int synced(long call, int fd)
{
    char path[PATH_BYTES];
    if (locate(fd, path) != BELOW_ROOT) return (int)syscall(call, fd);
    begin();
    int result = (int)syscall(call, fd);
    if (result == 0) append((struct entry){.operation = OP_SYNC, .inode = inode_of(fd), .path = path});
    end();
    return result;
}

int fsync(int fd) { return synced(SYS_fsync, fd); }
int fdatasync(int fd) { return synced(SYS_fdatasync, fd); }

int sync_file_range(int fd, off64_t offset, off64_t length, unsigned flags)
{
    char path[PATH_BYTES];
    if (locate(fd, path) != BELOW_ROOT) return (int)syscall(SYS_sync_file_range, fd, offset, length, flags);
    begin();
    int result = (int)syscall(SYS_sync_file_range, fd, offset, length, flags);
    if (result == 0)
        append((struct entry){.operation = OP_SYNC_RANGE, .inode = inode_of(fd), .offset = offset,
                              .length = (uint64_t)length, .path = path});
    end();
    return result;
}

int syncfs(int fd)
{
    char path[PATH_BYTES];
    if (locate(fd, path) != BELOW_ROOT) return (int)syscall(SYS_syncfs, fd);
    begin();
    int result = (int)syscall(SYS_syncfs, fd);
    if (result == 0) append((struct entry){.operation = OP_SYNC_ALL});
    end();
    return result;
}

void sync(void)
{
    if (!root_length) {
        syscall(SYS_sync);
        return;
    }
    begin();
    syscall(SYS_sync);
    append((struct entry){.operation = OP_SYNC_ALL});
    end();
}

/* ---- names ------------------------------------------------------------------------------------------ */

int renameat2(int from_at, const char *from, int to_at, const char *to, unsigned flags)
{
    char old[PATH_BYTES], new[PATH_BYTES];
    enum place here = locate_name(from_at, from, old), there = locate_name(to_at, to, new);
    if (here != BELOW_ROOT && there != BELOW_ROOT)
        return (int)syscall(SYS_renameat2, from_at, from, to_at, to, flags);
    if (here != there) return refuse(EXDEV);
    if (flags & ~RENAME_NOREPLACE) return refuse(EINVAL);
    begin();
    int result = (int)syscall(SYS_renameat2, from_at, from, to_at, to, flags);
    if (result == 0) append((struct entry){.operation = OP_RENAME, .path = old, .target = new});
    end();
    return result;
}

int renameat(int from_at, const char *from, int to_at, const char *to)
{
    return renameat2(from_at, from, to_at, to, 0);
}

int rename(const char *from, const char *to) { return renameat2(AT_FDCWD, from, AT_FDCWD, to, 0); }

int unlinkat(int at, const char *name, int flags)
{
    char path[PATH_BYTES];
    if (locate_name(at, name, path) != BELOW_ROOT) return (int)syscall(SYS_unlinkat, at, name, flags);
    begin();
    int result = (int)syscall(SYS_unlinkat, at, name, flags);
    if (result == 0) append((struct entry){.operation = OP_UNLINK, .path = path});
    end();
    return result;
}

int unlink(const char *name) { return unlinkat(AT_FDCWD, name, 0); }
int rmdir(const char *name) { return unlinkat(AT_FDCWD, name, AT_REMOVEDIR); }
int remove(const char *name) { return unlink(name) == 0 ? 0 : errno == EISDIR ? rmdir(name) : -1; }

int mkdirat(int at, const char *name, mode_t mode)
{
    char path[PATH_BYTES];
    struct stat s;
    if (locate_name(at, name, path) != BELOW_ROOT) return (int)syscall(SYS_mkdirat, at, name, mode);
    begin();
    int result = (int)syscall(SYS_mkdirat, at, name, mode);
    if (result == 0 && fstatat(at, name, &s, 0) == 0)
        append((struct entry){.operation = OP_MKDIR, .inode = s.st_ino, .path = path});
    end();
    return result;
}

int mkdir(const char *name, mode_t mode) { return mkdirat(AT_FDCWD, name, mode); }

int linkat(int from_at, const char *from, int to_at, const char *to, int flags)
{
    char old[PATH_BYTES], new[PATH_BYTES];
    struct stat s;
    enum place here = locate_name(from_at, from, old), there = locate_name(to_at, to, new);
    if (here != BELOW_ROOT && there != BELOW_ROOT)
        return (int)syscall(SYS_linkat, from_at, from, to_at, to, flags);
    if (here != there) return refuse(EXDEV);
    begin();
    int result = (int)syscall(SYS_linkat, from_at, from, to_at, to, flags);
    if (result == 0 && fstatat(to_at, to, &s, AT_SYMLINK_NOFOLLOW) == 0)
        append((struct entry){.operation = OP_LINK, .inode = s.st_ino, .path = old, .target = new});
    end();
    return result;
}

int link(const char *from, const char *to) { return linkat(AT_FDCWD, from, AT_FDCWD, to, 0); }
