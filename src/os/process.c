// SPDX-License-Identifier: ISC
#include "os/process.h"

#include <errno.h>
#include <grp.h>
#include <pwd.h>
#include <sys/capability.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <unistd.h>

int os_user_find(const char *name, uid_t *uid, gid_t *gid)
{
    const struct passwd *user;

    errno = 0;
    user = getpwnam(name);
    if (!user)
        return errno ? -errno : -ENOENT;
    *uid = user->pw_uid;
    *gid = user->pw_gid;
    return 0;
}

void os_user_name(uid_t uid, struct buf *out)
{
    const struct passwd *user = getpwuid(uid);

    if (user)
        buf_put(out, str_from(user->pw_name));
    else
        buf_put_u64(out, uid);
}

/// Of all capabilities, only the one for low ports, or none.
static int keep_only_ports(bool keep_ports)
{
    const cap_value_t ports = CAP_NET_BIND_SERVICE;
    cap_t caps = cap_init();
    int r = 0;

    if (!caps)
        return -ENOMEM;
    if (keep_ports && (cap_set_flag(caps, CAP_PERMITTED, 1, &ports, CAP_SET) < 0 ||
                       cap_set_flag(caps, CAP_EFFECTIVE, 1, &ports, CAP_SET) < 0))
        r = -errno;
    if (r == 0 && cap_set_proc(caps) < 0)
        r = -errno;
    cap_free(caps);
    return r;
}

int os_become(const char *user, bool keep_ports)
{
    uid_t uid;
    gid_t gid;
    int r = os_user_find(user, &uid, &gid);

    if (r < 0)
        return r;
    if (uid == 0)
        return 0;
    if (keep_ports && prctl(PR_SET_KEEPCAPS, 1, 0, 0, 0) < 0)
        return -errno;
    if (initgroups(user, gid) < 0 || setresgid(gid, gid, gid) < 0 || setresuid(uid, uid, uid) < 0)
        return -errno;
    r = keep_only_ports(keep_ports);
    if (r < 0)
        return r;
    // A process that could still come back has not dropped anything.
    return setuid(0) == 0 || getuid() != uid || geteuid() != uid ? -EPERM : 0;
}

int os_apart(int (*fn)(void *arg), void *arg)
{
    int status;
    pid_t child;

    fflush(NULL);
    child = fork();
    if (child < 0)
        return -errno;
    if (child == 0) {
        status = fn(arg);
        fflush(NULL);
        _exit(status);
    }
    while (waitpid(child, &status, 0) < 0) {
        if (errno != EINTR)
            return -errno;
    }
    return WIFEXITED(status) ? WEXITSTATUS(status) : -EIO;
}

int os_no_new_privs(void)
{
    return prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) < 0 ? -errno : 0;
}

uint64_t os_descriptors_limit(void)
{
    struct rlimit limit;

    return getrlimit(RLIMIT_NOFILE, &limit) < 0 ? 0 : limit.rlim_cur;
}

int os_descriptors_raise(uint64_t *out)
{
    struct rlimit limit;

    if (getrlimit(RLIMIT_NOFILE, &limit) < 0)
        return -errno;
    if (limit.rlim_cur < limit.rlim_max) {
        limit.rlim_cur = limit.rlim_max;
        if (setrlimit(RLIMIT_NOFILE, &limit) < 0)
            return -errno;
    }
    *out = limit.rlim_cur;
    return 0;
}
